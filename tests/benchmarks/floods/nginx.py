"""nginx in front of the streams: it answers pages itself, and passes the streams of an app on."""

import shutil
from contextlib import contextmanager
from pathlib import Path

from ..processes import Stack, free_port, running, serving

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location / {{ return 200 hello; }}
        location /ticks {{
            proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def is_installed():
    return shutil.which("nginx") is not None


@contextmanager
def nginx(folder):
    """nginx with TLS, and an app behind it that is not counted."""
    with serving(Stack("", "ticking:on_asyncio", server="granian")) as upstream:
        port = free_port()
        file = Path(folder, "nginx.conf")
        file.write_text(CONFIGURATION.format(folder=folder, port=port, upstream=upstream.port))
        with running([shutil.which("nginx"), "-c", str(file), "-p", str(folder)], port) as server:
            yield server
