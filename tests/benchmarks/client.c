/* The load client: opens event streams on 127.0.0.1, counts what arrives on them, and measures how late it is.
 *
 *     client PORT PATH STREAMS WARM_UP WINDOW LIMIT
 *
 * An event holds "@", the time at which it was made, which is 19 digits of nanoseconds since 1970, and its number, 10 digits.
 * Lines on standard output say how far this is: "up" when every stream has had its first event, "begin" and "end" of the
 * window that is measured, then the result as JSON. Afterwards the streams are read and kept open until standard input ends.
 *
 * Every event of a stream has to have the number after that of the event before, from first to last, or this fails. Only an
 * event with the number 0 is outside of that: it greets whoever has come.
 *
 * WARM_UP, WINDOW and LIMIT are seconds. However it goes, the process is over after LIMIT.
 */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OPENING_AT_ONCE = 32, DIGITS = 29, DIGITS_OF_NUMBER = 10, POLL_TIMEOUT = 10 /* ms */, CHUNK = 1 << 18, MOST_LATENCIES = 1 << 23 };

struct stream {
    bool up;
    int digits_left; /* of an event that is being read, which may be split between two chunks */
    int64_t made;
    int64_t number; /* while digits are left, perhaps in part */
    int64_t last_number;
};

static bool measuring;
static long events, latency_count;
static float latencies[MOST_LATENCIES]; /* microseconds */
/* Of events that all streams get: when the last stream had it. `completing` is that of the newest one, so far. */
static float completions[MOST_LATENCIES], completing;
static long completion_count;
static int64_t newest;

static int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static void fail_for_loss(const struct stream *stream) {
    fprintf(stderr, "a stream had event %lld after event %lld\n", (long long)stream->number, (long long)stream->last_number);
    exit(EXIT_FAILURE);
}

static void fail_for_end(void) {
    fputs("a stream ended\n", stderr);
    exit(EXIT_FAILURE);
}

static void say(const char *line) {
    puts(line);
    fflush(stdout);
}

static int open_stream(int port, const char *path) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    char request[512];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n", path);
    if (send(connection, request, size, 0) != size) fail("send");
    return connection;
}

static void note(int64_t made, int64_t now) {
    float latency = (now - made) / 1e3f;
    events++;
    if (latency_count < MOST_LATENCIES) latencies[latency_count++] = latency;
    if (made > newest) {
        if (newest && completion_count < MOST_LATENCIES) completions[completion_count++] = completing;
        newest = made;
        completing = 0;
    }
    if (made == newest && latency > completing) completing = latency;
}

static void read_events(struct stream *stream, const char *at, const char *end, int64_t now) {
    while (at < end) {
        if (stream->digits_left == 0) {
            at = memchr(at, '@', end - at);
            if (at == NULL) return;
            at++;
            stream->digits_left = DIGITS;
            stream->made = stream->number = 0;
            continue;
        }
        int64_t *read = stream->digits_left > DIGITS_OF_NUMBER ? &stream->made : &stream->number;
        *read = *read * 10 + (*at++ - '0');
        if (--stream->digits_left > 0) continue;
        if (stream->last_number && stream->number != stream->last_number + 1) fail_for_loss(stream);
        stream->last_number = stream->number;
        if (measuring) note(stream->made, now);
    }
}

static int ascending(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static float percentile(float *sorted, long count, double part) {
    return count ? sorted[(long)(part * (count - 1))] : 0;
}

int main(int count, char **arguments) {
    if (count != 7) {
        fputs("usage: client PORT PATH STREAMS WARM_UP WINDOW LIMIT\n", stderr);
        return EXIT_FAILURE;
    }
    int port = atoi(arguments[1]), wanted = atoi(arguments[3]);
    const char *path = arguments[2];
    int64_t warm_up = atof(arguments[4]) * 1e9, window = atof(arguments[5]) * 1e9;
    alarm(atoi(arguments[6]));

    static char chunk[CHUNK];
    struct stream *streams = calloc(wanted, sizeof *streams);
    struct pollfd *polled = calloc(wanted + 1, sizeof *polled);
    if (streams == NULL || polled == NULL) fail("calloc");
    struct pollfd *input = &polled[wanted];
    *input = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (int i = 0; i < wanted; i++) polled[i].fd = -1; /* which poll() ignores */

    int opened = 0, up = 0;
    int64_t up_at = 0, began = 0, waited = 0;
    for (;;) {
        while (opened < wanted && opened - up < OPENING_AT_ONCE) {
            polled[opened] = (struct pollfd){.fd = open_stream(port, path), .events = POLLIN};
            opened++;
        }
        int64_t before = clock_now();
        int ready = poll(polled, wanted + 1, POLL_TIMEOUT);
        if (ready < 0) fail("poll");
        int64_t now = clock_now();
        if (measuring) waited += now - before;
        if (input->revents) return EXIT_SUCCESS;

        for (int i = 0; i < opened && ready > 0; i++) {
            if (!polled[i].revents) continue;
            ready--;
            ssize_t size = recv(polled[i].fd, chunk, sizeof chunk, MSG_DONTWAIT);
            if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (size < 0) fail("recv");
            if (size == 0) fail_for_end();
            now = clock_now();
            read_events(&streams[i], chunk, chunk + size, now);
            if (!streams[i].up && streams[i].made) {
                streams[i].up = true;
                up++;
            }
        }

        if (!up_at && up == wanted) {
            up_at = now;
            say("up");
        }
        if (up_at && !began && now >= up_at + warm_up) {
            began = now;
            measuring = true;
            say("begin");
        }
        if (measuring && now >= began + window) {
            measuring = false;
            say("end");
            qsort(latencies, latency_count, sizeof *latencies, ascending);
            qsort(completions, completion_count, sizeof *completions, ascending);
            printf("{\"events\": %ld, \"seconds\": %.6f, \"waited\": %.6f, ", events, (now - began) / 1e9, waited / 1e9);
            printf("\"median_us\": %.3f, \"p99_us\": %.3f, ", percentile(latencies, latency_count, 0.5),
                   percentile(latencies, latency_count, 0.99));
            printf("\"complete_us\": %.3f, ", percentile(completions, completion_count, 0.5));
            printf("\"complete_p99_us\": %.3f}\n", percentile(completions, completion_count, 0.99));
            fflush(stdout);
        }
    }
}
