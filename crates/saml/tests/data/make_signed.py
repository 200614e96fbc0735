#!/usr/bin/env python3
"""Makes signed SAML Responses with fixed keys and a fixed time, and has them judged by xmlsec1 and signxml.

usage: make_signed.py OUT_DIR [--check]      (needs lxml, signxml, cryptography; --check also xmlsec1)

Keys and certificates are made once, when OUT_DIR lacks them; RSA PKCS#1 signatures are then the same on every run,
PSS and ECDSA signatures are not. Test keys only: never a trust anchor.
Issue instant 2026-11-01T00:00:00Z; valid from one minute before to five minutes after it (NotOnOrAfter).
"""
import base64, datetime, hashlib, json, pathlib, subprocess, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from lxml import etree
from signxml import XMLVerifier

P, A, DS = ("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion", "http://www.w3.org/2000/09/xmldsig#")
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
DIGEST = {"sha256": "http://www.w3.org/2001/04/xmlenc#sha256", "sha384": "http://www.w3.org/2001/04/xmldsig-more#sha384",
          "sha512": "http://www.w3.org/2001/04/xmlenc#sha512"}
HASH = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
ACS, SP, IDP = "https://sp.example.com/saml/acs", "https://sp.example.com/saml/metadata", "https://idp.example.org/saml/metadata"
REQUEST = "_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30"
KEYS = {"rsa2048": lambda: rsa.generate_private_key(65537, 2048), "rsa2048-other": lambda: rsa.generate_private_key(65537, 2048),
        "ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()), "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1())}
# name: (key, hash, signature algorithm)
METHODS = {"rsa-sha256": ("rsa2048", "sha256", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
           "rsa-sha384": ("rsa2048", "sha384", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"),
           "rsa-sha512": ("rsa2048", "sha512", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"),
           "rsa-pss-sha256": ("rsa2048", "sha256", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
           "ecdsa-p256-sha256": ("ec-p256", "sha256", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
           "ecdsa-p256-sha384": ("ec-p256", "sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"),
           "ecdsa-p384-sha256": ("ec-p384", "sha256", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
           "ecdsa-p384-sha384": ("ec-p384", "sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384")}

RESPONSE = f"""<samlp:Response xmlns:samlp="{P}" xmlns:saml="{A}" ID="_response-{{n}}" Version="2.0" IssueInstant="2026-11-01T00:00:00Z" Destination="{ACS}" InResponseTo="{REQUEST}">
  <saml:Issuer>{IDP}</saml:Issuer>{{response_signature}}
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_assertion-{{n}}" Version="2.0" IssueInstant="2026-11-01T00:00:00Z">
    <saml:Issuer>{IDP}</saml:Issuer>{{assertion_signature}}
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="{IDP}" SPNameQualifier="{SP}">u-7f3a9c</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml:SubjectConfirmationData NotOnOrAfter="2026-11-01T00:05:00Z" Recipient="{ACS}" InResponseTo="{REQUEST}"/>
      </saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="2026-10-31T23:59:00Z" NotOnOrAfter="2026-11-01T00:05:00Z">
      <saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction>
    </saml:Conditions>
    <saml:AuthnStatement AuthnInstant="2026-10-31T23:58:30Z" SessionNotOnOrAfter="2026-11-01T08:00:00Z" SessionIndex="_session-{{n}}">
      <saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext>
    </saml:AuthnStatement>
    <saml:AttributeStatement>
      <saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri" FriendlyName="mail"><saml:AttributeValue xsi:type="xs:string">zo\u00eb@example.org</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="groups"><saml:AttributeValue xsi:type="xs:string">staff</saml:AttributeValue><saml:AttributeValue xsi:type="xs:string">R&amp;D &lt;core&gt;</saml:AttributeValue></saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>
"""
# As ADFS writes it: the assertion namespace is the default one, declared where it is first needed.
DEFAULT_NS = (RESPONSE.replace(f' xmlns:saml="{A}"', "").replace("  <saml:Issuer>", f'  <Issuer xmlns="{A}">', 1)
              .replace("<saml:Assertion ", f'<Assertion xmlns="{A}" ').replace("<saml:", "<").replace("</saml:", "</"))


def c14n(node, prefixes=()):
    return etree.tostring(node, method="c14n", exclusive=True, with_comments=False, with_tail=False,
                          inclusive_ns_prefixes=list(prefixes) or None)


def template(node_id, method, cert, prefixes):
    _, digest, algorithm = METHODS[method]
    inclusive = f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{" ".join(prefixes)}"/>' if prefixes else ""
    return (f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXC}"/>'
            f'<ds:SignatureMethod Algorithm="{algorithm}"/><ds:Reference URI="#{node_id}"><ds:Transforms>'
            f'<ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXC}">{inclusive}</ds:Transform></ds:Transforms>'
            f'<ds:DigestMethod Algorithm="{DIGEST[digest]}"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>'
            f'<ds:SignatureValue></ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{cert}</ds:X509Certificate>'
            f'</ds:X509Data></ds:KeyInfo></ds:Signature>')


def sign_octets(key, method, octets):
    _, digest, _ = METHODS[method]
    h = HASH[digest]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PSS(padding.MGF1(h), h.digest_size) if "pss" in method else padding.PKCS1v15(), h)
    r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(h)))      # XML-DSig wants r || s
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def complete(root, parent, key, method, prefixes):
    """fill in the empty Signature that is a child of `parent`"""
    sig = parent.find(f"{{{DS}}}Signature")
    before, at = sig.getprevious(), parent.index(sig)
    tail, sig.tail = sig.tail, None                      # the text after it stays in the signed octets
    parent.remove(sig)
    before.tail = (before.tail or "") + (tail or "")
    digest = hashlib.new(METHODS[method][1], c14n(parent, prefixes)).digest()
    before.tail = before.tail[:len(before.tail) - len(tail or "")] or None
    parent.insert(at, sig)
    sig.tail = tail
    info = sig.find(f"{{{DS}}}SignedInfo")
    info.find(f".//{{{DS}}}DigestValue").text = base64.b64encode(digest).decode()
    sig.find(f"{{{DS}}}SignatureValue").text = base64.b64encode(sign_octets(key, method, c14n(info))).decode()


def respond(n, method, where, prefixes, key, cert, text=RESPONSE):
    make = lambda kind: template(f"_{kind}-{n}", method, cert, prefixes) if where in (kind, "both") else ""
    xml = text.format(n=n, response_signature=make("response"), assertion_signature=make("assertion"))
    root = etree.fromstring(xml.encode())
    if where in ("assertion", "both"):
        complete(root, root.find(f"{{{A}}}Assertion"), key, method, prefixes)
    if where in ("response", "both"):
        complete(root, root, key, method, prefixes)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def load(out, name):
    key_file, cert_file = out / f"{name}.key.pem", out / f"{name}.cert.pem"
    if not key_file.exists():
        key = KEYS[name]()
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"saml test {name}")])
        start = datetime.datetime(2026, 1, 1)
        cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(len(name) + 1)
                .not_valid_before(start).not_valid_after(start.replace(year=2046)).sign(key, hashes.SHA256()))
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    return key, "".join(cert_file.read_text().split("-----")[2].split())


def judge(file, cert_file, method):
    """the words of xmlsec1 and signxml; xmlsec1 1.2 has no PSS"""
    out = {}
    root = etree.parse(str(file)).getroot()
    for i, sig in enumerate(root.iter(f"{{{DS}}}Signature")):
        kind = etree.QName(sig.getparent()).localname
        r = subprocess.run(["xmlsec1", "--verify", "--pubkey-cert-pem", str(cert_file), "--enabled-key-data", "rsa,ec,ecdsa",
                            "--id-attr:ID", f"{P}:Response", "--id-attr:ID", f"{A}:Assertion",
                            "--node-xpath", f"(//*[local-name()='Signature'])[{i + 1}]", str(file)], capture_output=True, text=True)
        out[f"xmlsec1 {kind}"] = "OK" if r.returncode == 0 else ("no PSS" if "pss" in method else r.stderr.strip()[-300:])
        try:
            XMLVerifier().verify(sig.getparent(), x509_cert=cert_file.read_text(), expect_references=1)
            out[f"signxml {kind}"] = "OK"
        except Exception as e:
            out[f"signxml {kind}"] = f"{type(e).__name__}: {str(e)[:120]}"
    return out


def main(out, *flags):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    keys = {name: load(out, name) for name in KEYS}
    rows, n = [], 0
    for method, (key_name, _, _) in METHODS.items():
        key, cert = keys[key_name]
        for where in ("assertion", "response", "both"):
            for prefixes, text in (((), RESPONSE), (("xs",), RESPONSE), (("xs", "xsi", "saml"), RESPONSE), ((), DEFAULT_NS)):
                n += 1
                style = "default-ns" if text is DEFAULT_NS else "-".join(prefixes) or "plain"
                file = out / f"{method}.{where}.{style}.xml"
                file.write_bytes(respond(n, method, where, prefixes, key, cert, text))
                row = {"file": file.name, "method": method, "signed": where, "prefix_list": list(prefixes), "key": key_name}
                if "--check" in flags:
                    row["judged"] = judge(file, out / f"{key_name}.cert.pem", method)
                rows.append(row)
    (out / "manifest.json").write_text(json.dumps({"acs": ACS, "sp_entity_id": SP, "idp_entity_id": IDP, "in_response_to": REQUEST,
        "issue_instant": "2026-11-01T00:00:00Z", "not_on_or_after": "2026-11-01T00:05:00Z", "name_id": "u-7f3a9c", "files": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
