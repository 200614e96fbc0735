use super::*;

fn read(text: &str) -> Result<usize, XmlRefusal> {
    let document = parse(scan(text.as_bytes(), &Limits::MESSAGE)?)?;
    Ok(document.descendants().count())
}

#[test]
fn plain_documents_are_read() {
    for text in [
        "<a/>",
        "\u{feff}<a/>",
        "<?xml version=\"1.0\"?><a/>",
        "<?xml version='1.0' encoding='utf-8'?>\n<a/>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?><a/>",
        "<a b=\"1 > 0\" c='\"'>x &amp; &#10;\r\n</a>",
        "<a b='&#9;&#10;&#13;'/>",
        " <a></a >\n",
    ] {
        assert!(read(text).is_ok(), "{text}: {:?}", read(text));
    }
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    let cases = [
        ("<!DOCTYPE a><a/>", XmlRefusal::Markup),
        ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", XmlRefusal::Markup),
        ("<a>alice<!-- -->.evil</a>", XmlRefusal::Markup),
        ("<a><![CDATA[x]]></a>", XmlRefusal::Markup),
        ("<a><?x y?></a>", XmlRefusal::Markup),
        ("<?xml-stylesheet href='x'?><a/>", XmlRefusal::Declaration),
        (" <?xml version='1.0'?><a/>", XmlRefusal::Markup),
        ("<?xml version='1.1'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", XmlRefusal::Declaration),
        ("<?xml encoding='UTF-8'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0' version='1.0'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0' other='x'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0'encoding='UTF-8'?><a/>", XmlRefusal::Declaration),
        ("<?xml version='1.0'", XmlRefusal::Declaration),
        ("<?xml version='1.0'?><?xml version='1.0'?><a/>", XmlRefusal::Markup),
        ("<a b='x\ty'/>", XmlRefusal::RawSpace),
        ("<a b='x\ny'/>", XmlRefusal::RawSpace),
        ("<a b='x\ry'/>", XmlRefusal::RawSpace),
        ("", XmlRefusal::Malformed),
        ("<a", XmlRefusal::Malformed),
        ("<a b='", XmlRefusal::Malformed),
        ("<a><b></a></b>", XmlRefusal::Malformed),
        ("</a><a>", XmlRefusal::Malformed),
        ("<a/><b/>", XmlRefusal::Malformed),
        ("<a>&nbsp;</a>", XmlRefusal::Malformed),
        ("<a>&#0;</a>", XmlRefusal::Malformed),
        ("<a>\u{0}</a>", XmlRefusal::Malformed),
        ("<x:a/>", XmlRefusal::Malformed),
        ("<a b='1' b='2'/>", XmlRefusal::Malformed),
        ("<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", XmlRefusal::Malformed),
        ("<a b=1/>", XmlRefusal::Malformed),
        ("<a b='<'/>", XmlRefusal::Malformed),
        ("text<a/>", XmlRefusal::Malformed),
        // What the parser takes, and others do not, or read otherwise.
        ("<?xml?><a/>", XmlRefusal::Declaration),
        ("<?xml standalone='yes'?><a/>", XmlRefusal::Declaration),
        ("\u{feff}\u{feff}<a/>", XmlRefusal::Malformed),
        ("<?xml version='1.0'?>\u{feff}<a/>", XmlRefusal::Malformed),
        ("<:a/>", XmlRefusal::Malformed),
        ("<:a b=''></:a>", XmlRefusal::Malformed),
        ("<a></:a>", XmlRefusal::Malformed),
        ("<a :b='1'/>", XmlRefusal::Malformed),
        ("<a p:xmlns='u'/>", XmlRefusal::Malformed),
        ("<a xmlns:p='v' p:xmlns = 'u'/>", XmlRefusal::Malformed),
        ("<a xmlns='u' xmlns='v'/>", XmlRefusal::Malformed),
        ("<a xmlns:p=''/>", XmlRefusal::Malformed),
        ("<a xmlns:xmlns='u'/>", XmlRefusal::Malformed),
        ("<a>&#xD800;</a>", XmlRefusal::Malformed),
        ("<a>&#x110000;</a>", XmlRefusal::Malformed),
        ("<a b='&#xFFFE;'/>", XmlRefusal::Malformed),
        ("<a>&#99999999999;</a>", XmlRefusal::Malformed),
        ("<a>&#x;</a>", XmlRefusal::Malformed),
        ("<a>\r&#10;</a>", XmlRefusal::RawSpace),
        ("<a>x\ry</a>", XmlRefusal::RawSpace),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), Err(expected), "{text}");
    }
    assert_eq!(scan(b"<a>\xff</a>", &Limits::MESSAGE), Err(XmlRefusal::Utf8));
}

#[test]
fn every_limit_is_taken_up_to_its_edge() {
    let long = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - 7));
    assert!(read(&long(MAX_BYTES)).is_ok());
    assert_eq!(
        read(&long(MAX_BYTES + 1)),
        Err(XmlRefusal::Long { bytes: MAX_BYTES + 1, limit: MAX_BYTES })
    );

    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(read(&deep(MAX_DEPTH)).is_ok());
    assert_eq!(read(&deep(MAX_DEPTH + 1)), Err(XmlRefusal::Depth));

    let many = |count: usize| format!("<a>{}</a>", "<b/> ".repeat(count - 1));
    assert!(read(&many(MAX_ELEMENTS)).is_ok());
    assert_eq!(read(&many(MAX_ELEMENTS + 1)), Err(XmlRefusal::Elements { limit: MAX_ELEMENTS }));

    let attributes = |count: usize| {
        let attributes: String = (0..count).map(|number| format!(" a{number}=''")).collect();
        format!("<a{attributes}/>")
    };
    assert!(read(&attributes(MAX_ATTRIBUTES)).is_ok());
    assert_eq!(read(&attributes(MAX_ATTRIBUTES + 1)), Err(XmlRefusal::Attributes));

    let declared = |outer: usize, inner: usize| {
        let declared = |count: usize| {
            (0..count).map(|number| format!(" xmlns:p{number}='u'")).collect::<String>()
        };
        format!("<a{}><b{}/><b{}/></a>", declared(outer), declared(inner), declared(inner))
    };
    assert!(read(&declared(MAX_DECLARATIONS - 1, 1)).is_ok());
    assert_eq!(read(&declared(MAX_DECLARATIONS, 1)), Err(XmlRefusal::Declarations));

    let declaration = |blanks: usize| format!("<?xml version='1.0'{}?><a/>", " ".repeat(blanks));
    assert!(read(&declaration(100)).is_ok());
    assert_eq!(read(&declaration(130)), Err(XmlRefusal::Declaration));
    // Wherever the limit falls within a character.
    for blanks in 0..4 {
        let text = format!("<?xml{}{}?><a/>", " ".repeat(blanks), "é".repeat(100));
        assert_eq!(read(&text), Err(XmlRefusal::Declaration));
    }
    let many = format!("<?xml{}{}?><a/>", " =\"\"".repeat(32_765), " ".repeat(100_000));
    assert_eq!(read(&many), Err(XmlRefusal::Declaration));

    let marks = |mark: &str, count: usize| format!("<a>{}</a>", mark.repeat(count));
    assert!(read(&marks("=", 2 * MAX_ELEMENTS)).is_ok());
    assert_eq!(
        read(&marks("=", 2 * MAX_ELEMENTS + 1)),
        Err(XmlRefusal::Elements { limit: MAX_ELEMENTS })
    );

    let name = |bytes: usize| format!("<{}/>", "a".repeat(bytes - 2));
    assert!(read(&name(MAX_TAG)).is_ok());
    assert_eq!(read(&name(MAX_TAG + 1)), Err(XmlRefusal::Names));
    for attribute in ["xmlns", "xmlns:p"] {
        let namespace = |length: usize| format!("<a {attribute}=\"{}\"/>", "u".repeat(length));
        assert!(read(&namespace(MAX_NAMESPACE)).is_ok());
        assert_eq!(read(&namespace(MAX_NAMESPACE + 1)), Err(XmlRefusal::Namespace));
    }
}

#[test]
fn metadata_may_have_comments_between_elements() {
    let read = |text: &str| {
        let document = parse(scan(text.as_bytes(), &Limits::METADATA)?)?;
        let root = Element(document.root_element());
        Ok((root.elements().map(|elements| elements.len()), root.text()))
    };
    assert_eq!(read("<!-- <x> --><a><!----><b/><!-- - --></a>"), Ok((Some(1), None)));
    assert_eq!(read("<a>x<!-- -->y</a>"), Ok((None, None)));
    for (text, expected) in [
        ("<!DOCTYPE a><a/>", XmlRefusal::Markup),
        ("<a><![CDATA[x]]></a>", XmlRefusal::Markup),
        ("<a><?x?></a>", XmlRefusal::Markup),
        ("<a><!-- </a>", XmlRefusal::Malformed),
        ("<a><!-- -- --></a>", XmlRefusal::Malformed),
    ] {
        assert_eq!(read(text), Err(expected), "{text}");
    }
}
