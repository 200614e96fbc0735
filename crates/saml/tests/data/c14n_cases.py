#!/usr/bin/env python3
"""Makes c14n-cases.json: small XML documents with the octets that libxml2 writes for exclusive C14N of one subtree.

usage: c14n_cases.py [OUT.json] [SEED]      (needs libxml2.so.2; the file depends on the seed alone)

Every case is {"name", "document", "apex", "prefix_list", "expected"}: canonicalize, without comments, the subtree of
`document` whose apex is found by following the child *element* indexes in `apex` from the document element, with
`prefix_list` as InclusiveNamespaces PrefixList, and compare with `expected` (all strings; expected is UTF-8).
The documents hold no DOCTYPE, comment, CDATA section, processing instruction or raw CR, and no raw TAB or LF in an
attribute value: what the verifier refuses before it parses. Such characters come as character references instead.
No namespace URI holds an `&`: libxml2 writes it unescaped, against C14N 1.0.
"""
import ctypes, json, random, sys
import xml.etree.ElementTree as ElementTree

LIBXML2 = ctypes.CDLL("libxml2.so.2")

URIS = ["urn:a", "urn:b", "urn:c", "http://example.org/ns/one", "http://example.org/ns/two?x=1;y=2",
        "urn:oasis:names:tc:SAML:2.0:assertion", "http://www.w3.org/2001/XMLSchema-instance", "urn:%C3%BC"]
PREFIXES = ["a", "b", "c", "p", "q", "saml", "ds", "_x", "n-1", "\u00e9"]
LOCALS = ["e", "f", "Name", "item", "x.y", "_u", "\u00e4", "z-9"]
TEXTS = ["", "text", " ", "\n  ", "\t", "&amp;", "&lt;", ">", "&gt;", "&quot;", "&apos;", '"', "'", "&#13;", "&#xD;\n", "&#9;", "&#10;",
         "]]&gt;", "h\u00e9llo", "\u65e5\u672c", "\U0001f600", "&#x1F600;", "&#160;", "\u0085", "\u2028", "&#x7f;", "a  b", "&amp;amp;", "&#38;lt;"]
VALUES = ["", "v", "&amp;", "&lt;", ">", "&quot;", "'", "&#9;", "&#10;", "&#13;", "&#xD;&#xA;", " lead trail ", "a  b", "&apos;",
          "\u00fc", "\u00a0", "&#x2028;", "\U0001f600", "&gt;&lt;&amp;", "&#38;#9;"]


class Maker:
    """A random well-formed element tree, written by hand so that quoting and references are ours."""

    def __init__(self, rng):
        self.rng = rng

    def element(self, scope, depth):
        r = self.rng
        scope = dict(scope)                          # prefix -> URI; "" is the default namespace
        declared = {}
        for _ in range(r.choice([0, 0, 1, 1, 2])):
            prefix = r.choice(PREFIXES)
            declared[prefix] = scope.get(prefix) if prefix in scope and r.random() < 0.3 else r.choice(URIS)
        if r.random() < 0.5:                         # set, redeclare or undeclare the default namespace
            declared[""] = r.choice(["", "", scope.get("", ""), r.choice(URIS)])
        scope.update(declared)
        prefixes = sorted(p for p in scope if p)
        prefix = r.choice(prefixes) if prefixes and r.random() < 0.5 else ""
        tag = (prefix + ":" if prefix else "") + r.choice(LOCALS)
        attributes, seen = [], set()
        for _ in range(r.choice([0, 0, 1, 2, 4])):
            ap = r.choice(prefixes) if prefixes and r.random() < 0.6 else ""
            local = r.choice(LOCALS)
            key = (scope[ap] if ap else "", local)
            if key not in seen:                      # two prefixes of one URI must not make one attribute twice
                seen.add(key)
                attributes.append((ap + ":" if ap else "") + local + "=" + self.quoted())
        if r.random() < 0.15:
            attributes.append('xml:lang="%s"' % r.choice(["en", "de", ""]))
        if r.random() < 0.1:
            attributes.append('xml:space="%s"' % r.choice(["preserve", "default"]))
        attributes += ["xmlns%s=\"%s\"" % (":" + p if p else "", u) for p, u in declared.items()]
        r.shuffle(attributes)
        children = "".join(self.content(scope, depth) for _ in range(r.choice([0, 1, 1, 2]) if depth else 0))
        text = r.choice(TEXTS)
        head = "<" + " ".join([tag] + attributes) + r.choice(["", "", " ", "\n"])
        if not children and not text and r.random() < 0.5:
            return head + "/>"
        return f"{head}>{text}{children}</{tag}{r.choice(['', ' '])}>"

    def content(self, scope, depth):
        return self.element(scope, depth - 1) + self.rng.choice(TEXTS)

    def quoted(self):
        value = "".join(self.rng.choice(VALUES) for _ in range(self.rng.choice([1, 1, 2, 3])))
        return '"%s"' % value if "'" in value or self.rng.random() < 0.8 else "'%s'" % value

    def document(self):
        head = self.rng.choice(["", "", "", '<?xml version="1.0"?>\n', '<?xml version="1.0" encoding="UTF-8"?>'])
        return head + self.element({}, self.rng.choice([1, 2, 3, 4]))


# One rule each, so that a failure says which. (name, document, apex, prefix list)
FIXED = [
    ("spec 2.2 elem2 in context one", '<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>', [0], []),
    ("spec 2.2 elem2 in context two", '<n2:pdu xmlns:n1="http://example.com" xmlns:n2="http://foo.example" xml:lang="fr" xml:space="retain"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n2:pdu>', [0], []),
    ("merlin-exc-c14n-one", '<Foo xmlns:bar="urn:bar" xmlns="urn:foo" xml:space="preserve"><dsig:Object xmlns:dsig="http://www.w3.org/2000/09/xmldsig#" Id="x"><bar:Baz>\n</bar:Baz></dsig:Object></Foo>', [0], []),
    ("merlin-exc-c14n-one with prefixes", '<Foo xmlns:bar="urn:bar" xmlns="urn:foo" xml:space="preserve"><dsig:Object xmlns:dsig="http://www.w3.org/2000/09/xmldsig#" Id="x"><bar:Baz>\n</bar:Baz></dsig:Object></Foo>', [0], ["bar", "#default"]),
    ("unused prefix dropped", '<a:r xmlns:a="urn:a" xmlns:b="urn:b"><a:c/></a:r>', [], []),
    ("prefix used in a QName value only is dropped", '<r xmlns:xs="urn:xs" xmlns:i="urn:i"><c i:type="xs:string"/></r>', [0], []),
    ("prefix used in a QName value kept by the list", '<r xmlns:xs="urn:xs" xmlns:i="urn:i"><c i:type="xs:string"/></r>', [0], ["xs"]),
    ("listed prefix written once, at the apex", '<r xmlns:xs="urn:xs"><c><d/><d/></c></r>', [0], ["xs"]),
    ("listed prefix redeclared below", '<r xmlns:xs="urn:xs"><c><d xmlns:xs="urn:other"/><d/></c></r>', [0], ["xs"]),
    ("listed prefix redeclared unchanged", '<r xmlns:xs="urn:xs"><c><d xmlns:xs="urn:xs"/></c></r>', [0], ["xs"]),
    ("listed prefix not in scope", '<r><c/></r>', [0], ["none"]),
    ("listed prefix declared below only", '<r><c><d xmlns:xs="urn:xs"><e/></d></c></r>', [0], ["xs"]),
    ("prefix declared above, used in one of two siblings", '<r xmlns:a="urn:a"><c><a:d/><a:d/><e a:k="1"/></c></r>', [0], []),
    ("prefix used by a grandchild only", '<a:r xmlns:a="urn:a" xmlns:b="urn:b"><a:c><a:d><b:e/></a:d></a:c></a:r>', [0], []),
    ("same prefix, another URI, and back", '<p:r xmlns:p="urn:a"><p:c xmlns:p="urn:b"><p:d xmlns:p="urn:a"/></p:c></p:r>', [], []),
    ("default undeclared below", '<r xmlns="urn:a"><c xmlns=""><d xmlns="urn:a"/></c></r>', [], []),
    ("default undeclared at the apex", '<r xmlns="urn:a"><c xmlns=""><d/></c></r>', [0], []),
    ("default undeclared under a prefixed parent", '<r xmlns="urn:a"><p:c xmlns:p="urn:p" xmlns=""><d/></p:c></r>', [], []),
    ("xmlns empty where nothing was set", '<r xmlns=""><c xmlns=""/></r>', [], []),
    ("default not used by the apex", '<r xmlns="urn:a" xmlns:p="urn:p"><p:c><p:d><e/></p:d></p:c></r>', [0], []),
    ("default listed, apex does not use it", '<r xmlns="urn:a" xmlns:p="urn:p"><p:c><p:d><e/></p:d></p:c></r>', [0], ["#default"]),
    ("default listed, not in scope", '<r xmlns:p="urn:p"><p:c><e/></p:c></r>', [0], ["#default"]),
    ("default listed, undeclared below", '<r xmlns="urn:a" xmlns:p="urn:p"><p:c><p:d xmlns=""><e/></p:d></p:c></r>', [0], ["#default"]),
    ("default listed, undeclared at the apex", '<r xmlns="urn:a" xmlns:p="urn:p"><p:c xmlns=""><e/></p:c></r>', [0], ["#default"]),
    ("attribute order: no namespace first, then URI, then local name", '<r xmlns:z="urn:a" xmlns:a="urn:z"><c a:b="1" z:z="2" z:a="3" b="4" B="5" a="6" xml:lang="en"/></r>', [0], []),
    ("attribute order: one URI under two prefixes", '<r xmlns:z="urn:a" xmlns:a="urn:a"><c a:b="1" z:a="2" a:c="3"/></r>', [0], []),
    ("namespace order: default first, then by prefix", '<r xmlns:b="urn:1" xmlns:a="urn:2" xmlns="urn:3"><c b:x="1" a:x="1"/></r>', [0], []),
    ("attribute order is by code point, not by UTF-16 unit", '<r \uff5e="1" \U00010400="2" z="3"/>', [], []),
    ("ancestor xml attributes are not imported", '<r xml:lang="en" xml:space="preserve" xml:base="http://e/"><c><d xml:lang="de"/></c></r>', [0], []),
    ("xml prefix declared by hand", '<r xmlns:xml="http://www.w3.org/XML/1998/namespace"><c xml:lang="en"/></r>', [0], []),
    ("xml in the prefix list", '<r xml:lang="en"><c/></r>', [0], ["xml"]),
    ("text escapes", '<r>&amp;&lt;&gt;&quot;&apos;&#13;&#9;&#10;"\'></r>', [], []),
    ("attribute escapes", '<r a="&amp;&lt;&gt;&quot;&apos;&#13;&#9;&#10;>"/>', [], []),
    ("no escape of other characters", '<r a="\u00a0\u0085\u2028\u00e9">\u00a0\u0085\u2028\u00e9\U0001f600&#x1F600;</r>', [], []),
    ("empty elements are expanded", '<r><a/><b></b><c /></r>', [], []),
    ("white space in tags", '<r  a = "1"\n b="2" ><c\n/></r >', [], []),
    ("tail text of the apex stays out", '<r>one<c>two</c>three</r>', [0], []),
    ("white space around the document element", '\n<r/>\n', [], []),
    ("deep apex", '<r xmlns:p="urn:p"><a/><b><c/><p:d p:k="1"><e xmlns="urn:e"/></p:d></b></r>', [1, 1], []),
]


def canonical(document, apex, prefix_list):
    """Exclusive C14N 1.0 by libxml2, over the node set of the subtree as XML-DSig defines it.

    Not by lxml: it copies the subtree first and silently drops `#default` from the prefix list.
    """
    pointer, visible_type = ctypes.c_void_p, ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)
    for function in ("xmlReadMemory", "xmlDocGetRootElement", "xmlFirstElementChild", "xmlNextElementSibling", "xmlAllocOutputBuffer",
                     "xmlOutputBufferGetContent"):
        getattr(LIBXML2, function).restype = pointer
    LIBXML2.xmlOutputBufferGetSize.restype = ctypes.c_size_t
    octets = document.encode()
    doc = pointer(LIBXML2.xmlReadMemory(octets, len(octets), None, None, 32 | 64))   # no messages
    assert doc, document
    top = LIBXML2.xmlDocGetRootElement(doc)
    for index in apex:
        top = LIBXML2.xmlFirstElementChild(pointer(top))
        for _ in range(index):
            top = LIBXML2.xmlNextElementSibling(pointer(top))

    def visible(_, node, parent):
        namespace_declaration = ctypes.c_int.from_address(node + 8).value == 18
        node = parent if namespace_declaration else node
        while node and node != top:
            node = pointer.from_address(node + 40).value     # struct _xmlNode.parent
        return int(node == top)

    names = (ctypes.c_char_p * (len(prefix_list) + 1))(*[p.encode() for p in prefix_list], None)
    out = pointer(LIBXML2.xmlAllocOutputBuffer(None))
    exclusive, no_comments = 1, 0
    assert LIBXML2.xmlC14NExecute(doc, visible_type(visible), None, exclusive, names, no_comments, out) >= 0
    result = ctypes.string_at(LIBXML2.xmlOutputBufferGetContent(out), LIBXML2.xmlOutputBufferGetSize(out))
    LIBXML2.xmlOutputBufferClose(out)
    LIBXML2.xmlFreeDoc(doc)
    return result.decode()


def case(name, document, apex, prefix_list):
    return {"name": name, "document": document, "apex": apex, "prefix_list": prefix_list,
            "expected": canonical(document, apex, prefix_list)}


def elements(document):
    """The paths of all elements below the document element."""
    def walk(node, path):
        for i, child in enumerate(node):
            yield path + [i]
            yield from walk(child, path + [i])
    return list(walk(ElementTree.fromstring(document.encode()), []))


def main(out="c14n-cases.json", seed="20261101"):
    rng = random.Random(int(seed))
    cases, seen = [case(*c) for c in FIXED], set()
    while len(cases) < 400:
        document = Maker(rng).document()
        if document in seen or len(document) > 1500:
            continue
        seen.add(document)
        below = elements(document)
        apex = rng.choice(below) if below and rng.random() < 0.8 else []
        names = rng.sample(PREFIXES + ["#default", "absent"], rng.choice([0, 0, 0, 1, 2, 4]))
        cases.append(case(f"random {len(cases) - len(FIXED)}", document, apex, names))
    with open(out, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
