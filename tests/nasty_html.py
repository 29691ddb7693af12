"""HTML as people write it, and the tree that a browser makes of it: see tests/browser/test_html_tree.py."""

from chirp_trio.markup import parse_html


def shape(text):
    """The tree as nested brackets."""

    def show(element):
        inner = "".join(child if isinstance(child, str) else show(child) for child in element.children)
        return f"{element.tag}({inner})" if element.tag else inner

    return show(parse_html(text))


NASTY = {
    "": "",
    "text": "text",
    "<p>a<b>b</b>c</p>d": "p(ab(b)c)d",
    # void elements, and slashes
    "<br>a<img src=x>b": "br()aimg()b",
    "<br/>a<img src=x />b<input/>c": "br()aimg()binput()c",
    "<div/>a": "div(a)",
    "<main sse-connect=/a /><p>b": "main(p(b))",
    "<svg><path/>a</svg>b": "svg(path()a)b",
    "<svg><g><path /></g><circle/></svg>b": "svg(g(path())circle())b",
    "</br>a<hr></hr>b": "ahr()b",
    # end tags that may be left out
    "<ul><li>a<li>b<ul><li>c</ul></ul>d": "ul(li(a)li(bul(li(c))))d",
    "<ul><li><b>a</b><li>b</ul>": "ul(li(b(a))li(b))",
    "<ul><li><span>a<li>b</ul>": "ul(li(span(a))li(b))",
    "<ul><li><div>a<li>b</div></ul>c": "ul(li(div(a))li(b))c",
    "<ul><li><section>a<li>b</section></ul>": "ul(li(section(ali(b))))",
    "<p>a<p>b<div>c</div>": "p(a)p(b)div(c)",
    "<p>a<span>b<p>c": "p(aspan(b))p(c)",
    "<p>a<div>b<p>c</div>d": "p(a)div(bp(c))d",
    "<p>a<ul><li>b</ul>c": "p(a)ul(li(b))c",
    "<p>a<table><tr><td>b<p>c</table>d": "p(a)table(tr(td(bp(c))))d",
    "<p><button>a<p>b</button>c": "p(button(ap(b))c)",
    "<dl><dt>a<dd>b<dt>c</dl>": "dl(dt(a)dd(b)dt(c))",
    "<dl><dt>a<dd><div>b<dt>c</dl>": "dl(dt(a)dd(div(b))dt(c))",
    "<h1>a<h2>b</h2>c": "h1(a)h2(b)c",
    "<select><option>a<option>b</select>": "select(option(a)option(b))",
    "<select><optgroup label=a><option>b<optgroup label=c><option>d</select>e":
        "select(optgroup(option(b))optgroup(option(d)))e",
    "<a>b<a>c</a>d": "a(b)a(c)d",
    # tables
    "<tr><td>1</td><td>2</td></tr>": "tr(td(1)td(2))",
    "<td>1<td>2": "td(1)td(2)",
    "<li>a<li>b": "li(a)li(b)",
    "<option>a<option>b": "option(a)option(b)",
    "<table><tbody><tr><td>a<th>b<tr><td>c<tbody><tr></table>": "table(tbody(tr(td(a)th(b))tr(td(c)))tbody(tr()))",
    "<table><thead><tr><th>a<tbody><tr><td>b<tfoot><tr><td>c</table>d":
        "table(thead(tr(th(a)))tbody(tr(td(b)))tfoot(tr(td(c))))d",
    "<table><caption>a<tr><td>b</table>": "table(caption(a)tr(td(b)))",
    "<table><tr><td><div>a<td>b</table>": "table(tr(td(div(a))td(b)))",
    "<table><tr><td><table><tr><td>a</table>b<td>c</table>": "table(tr(td(table(tr(td(a)))b)td(c)))",
    # end tags that are out of place
    "a</b></p>c": "ac",
    "<div><b>a</div>": "div(b(a))",
    "<div>a</span></div>b": "div(a)b",
    "<span><div>a</span>b</div>c": "span(div(ab)c)",
    "<div><ul><li>a</div>b": "div(ul(li(a)))b",
    "<table><tr><td>a</div></td></tr></table>b": "table(tr(td(a)))b",
    "<div><table><tr><td>a</div>b</table>c</div>d": "div(table(tr(td(ab)))c)d",
    "<ul><li>a<ol></li><li>b</ol></ul>c": "ul(li(aol(li(b))))c",
    # what is no element
    "a &lt;b&gt; &amp;": "a <b> &",
    "<!-- <b> -->a": "a",
    "<!-- > -- <b>a -->c": "c",
    "a<b": "a",
    "a < b": "a < b",
    "<script>if (a < b) '<i>'</script>c": "script(if (a < b) '<i>')c",
    "<script/>'<i>'</script>c": "script('<i>')c",
    "<style>a > b {}</style><i>c</i>": "style(a > b {})i(c)",
    "<textarea><b>a</b></textarea>c": "textarea(<b>a</b>)c",
    "<title><b>a</b> &amp;</title>c": "title(<b>a</b> &)c",
    "<p title='<b>'>a": "p(a)",
    "<P CLASS=x>a</P>": "p(a)",
    "<hx-partial hx-target=x><li>a</hx-partial><hx-partial>b</hx-partial>": "hx-partial(li(ahx-partial(b)))",
}  # fmt: skip
