"""Signs responses anew with RSA-2048 and SHA-256, so that each is refused for what it was made for.

usage: resign.py RESPONSES KEY CASES OUT

RESPONSES is the folder of python3-saml's responses, most of which are signed with keys and digests that nobody takes
any more, or not at all. CASES says for each what it expects to find in the place of our own URLs.
"""

import base64
import hashlib
import json
import pathlib
import sys
import zlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
TEMPLATE = f"""<ds:Signature xmlns:ds="{DS[1:-1]}"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>\
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>\
<ds:Reference><ds:Transforms><ds:Transform Algorithm="{DS[1:-1]}enveloped-signature"/>\
<ds:Transform Algorithm="{EXCLUSIVE}"/></ds:Transforms>\
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>\
<ds:SignatureValue/></ds:Signature>"""


def decoded(path):
    raw = path.read_bytes()
    if raw.lstrip().startswith(b"<"):
        return raw
    data = base64.b64decode(raw)
    return data if b"<" in data[:8] else zlib.decompress(data, -15)


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def place(element):
    """Where an element stands: the numbers of its ancestors and its own among their siblings."""
    numbers = []
    while (parent := element.getparent()) is not None:
        numbers.insert(0, parent.index(element))
        element = parent
    return numbers


def at(root, numbers):
    for number in numbers:
        root = root[number]
    return root


def without(root, element, signature):
    """The octets of an element without a signature in it."""
    copy = etree.fromstring(etree.tostring(root))
    found, gone = at(copy, place(element)), at(copy, place(signature))
    if found in gone.iterancestors():
        before, parent = gone.getprevious(), gone.getparent()
        if before is not None:
            before.tail = (before.tail or "") + (gone.tail or "")
        else:
            parent.text = (parent.text or "") + (gone.tail or "")
        gone.tail = None
        parent.remove(gone)
    return canonical(found)


def sign(root, signature, key):
    """Makes a signature anew in its place, over what it refers to."""
    uri = signature.find(f".//{DS}Reference").get("URI")
    parent = signature.getparent()
    named = [element for element in root.iter() if uri and element.get("ID") == uri[1:]]
    over = parent if parent in named or not named else named[0]
    new = etree.fromstring(TEMPLATE)
    if uri is not None:
        new.find(f".//{DS}Reference").set("URI", uri)
    for kept in signature.findall(f"{DS}Object"):
        new.append(kept)
    new.tail, signature.tail = signature.tail, None
    parent.replace(signature, new)
    digest = hashlib.sha256(without(root, over, new)).digest()
    new.find(f".//{DS}DigestValue").text = base64.b64encode(digest).decode()
    octets = canonical(new.find(f"{DS}SignedInfo"))
    value = key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    new.find(f"{DS}SignatureValue").text = base64.b64encode(value).decode()


def insert(root, key):
    """Signs the assertion, or the response where there is none, which nobody has signed."""
    parent = root.find(f".//{ASSERTION}Assertion")
    parent = root if parent is None else parent
    signature = etree.fromstring(TEMPLATE)
    signature.find(f".//{DS}Reference").set("URI", "#" + (parent.get("ID") or ""))
    issuer = parent.find(f"{ASSERTION}Issuer")
    if issuer is None:
        parent.insert(0, signature)
    else:
        issuer.addnext(signature)
        signature.tail, issuer.tail = issuer.tail or signature.tail, None
    sign(root, signature, key)


def repair(root, case):
    """Takes away what would have a file refused before it comes to what it was made for."""
    if case.get("add_status"):
        status = etree.SubElement(root, f"{PROTOCOL}Status")
        etree.SubElement(status, f"{PROTOCOL}StatusCode", Value=SUCCESS)
        root.find(f".//{ASSERTION}Assertion").addprevious(status)
    if case.get("set_recipient"):
        for data in root.iter(f"{ASSERTION}SubjectConfirmationData"):
            data.set("Recipient", case["recipient"])
    if case.get("set_qualifier"):
        for name in root.iter(f"{ASSERTION}NameID"):
            if name.get("SPNameQualifier"):
                name.set("SPNameQualifier", case["audience"])


def main(responses, key, cases, out):
    key = serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None)
    for case in json.loads(pathlib.Path(cases).read_text()):
        text = decoded(pathlib.Path(responses) / case["origin"])
        for mark, value in (("{recipient}", "recipient"), ("{audience}", "audience"), ('"recipient"', "recipient")):
            quote = '"' if mark[0] == '"' else ""
            text = text.replace(mark.encode(), f"{quote}{case[value]}{quote}".encode())
        root = etree.fromstring(text)
        repair(root, case)
        # From the innermost: what signs more covers the signatures in it.
        signatures = sorted(root.iter(f"{DS}Signature"), key=lambda one: -len(list(one.iterancestors())))
        if signatures:
            for signature in signatures:
                if signature.find(f".//{DS}SignatureMethod") is not None:
                    sign(root, signature, key)
        else:
            insert(root, key)
        target = pathlib.Path(out) / (case["origin"].replace("/", ".") + ".xml")
        target.write_bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
