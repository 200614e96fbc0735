//! Cross-origin requests: exact origins, methods that the route has, headers by name.

use http::{HeaderName, HeaderValue, Method};

use super::Builder;
use crate::request::{CanonicalHost, Scheme};
use crate::route::{Cors, Origins};
use crate::spec::{CorsSpec, Place};

impl Builder<'_> {
    pub(super) fn cors(&mut self, cors: &CorsSpec, of_route: &[Method], place: &Place) -> Cors {
        let origins = self.origins(cors, &place.then("origins"));
        let mut methods = Vec::new();
        for (index, name) in cors.methods.iter().flatten().enumerate() {
            match of_route.iter().find(|method| method.as_str() == name) {
                Some(method) => methods.push(method.clone()),
                None => {
                    let message = format!("the route does not take `{name}`");
                    let place = place.then("methods").at(index);
                    self.push(
                        place,
                        &message,
                        "name methods of the route, or leave `methods` out for all of them",
                    );
                }
            }
        }
        Cors {
            origins,
            methods: if cors.methods.is_some() { methods } else { of_route.to_vec() },
            headers: self.headers(&cors.headers, &place.then("headers")),
            expose: self.headers(&cors.expose, &place.then("expose")),
            credentials: cors.credentials,
            max_age: cors.max_age,
        }
    }

    fn origins(&mut self, cors: &CorsSpec, place: &Place) -> Origins {
        if cors.origins.is_empty() {
            self.push(
                place.clone(),
                "`cors` names no origin, so it allows nothing",
                "write `origins: [https://app.example.com]`, or leave `cors` out",
            );
        }
        let mut listed = Vec::new();
        for (index, text) in cors.origins.iter().enumerate() {
            if text == "*" {
                continue;
            }
            match canonical(text) {
                Some(canonical) if canonical == *text => {
                    listed.extend(HeaderValue::from_str(text));
                }
                Some(canonical) => {
                    let message = format!("`{text}` is not an origin as browsers write it");
                    self.push(place.at(index), &message, &format!("write `{canonical}`"));
                }
                None if text == "null" => {
                    let message = "`null` is the origin of every sandboxed page, whoever made it";
                    self.push(
                        place.at(index),
                        message,
                        "serve the page from an origin of its own, and name that",
                    );
                }
                None => {
                    let message = format!("`{text}` is not an origin");
                    let help = "write a scheme, a host, and a port that is not the usual one: `https://app.example.com`, `http://localhost:3000`";
                    self.push(place.at(index), &message, help);
                }
            }
        }
        let any = cors.origins.iter().position(|origin| origin == "*");
        let Some(any) = any else { return Origins::Listed(listed) };
        if cors.credentials {
            let message =
                "`*` beside `credentials: true`: any page could act as the person in front of it";
            self.push(place.at(any), message, "name the origins");
        } else if cors.origins.len() > 1 {
            let message = "`*` stands for any origin, and there are others beside it";
            self.push(place.at(any), message, "keep `*` alone, or name the origins");
        }
        Origins::Any
    }

    fn headers(&mut self, names: &[String], place: &Place) -> Vec<HeaderName> {
        let mut headers = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match name.parse::<HeaderName>() {
                Ok(header) if name != "*" => headers.push(header),
                _ => {
                    let message = format!("`{name}` is not the name of a header");
                    self.push(
                        place.at(index),
                        &message,
                        "name each header, such as `Authorization`",
                    );
                }
            }
        }
        headers
    }
}

/// An origin in the spelling of browsers (RFC 6454 §6.2), if it is one.
fn canonical(text: &str) -> Option<String> {
    let (scheme, host) = text.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let host = CanonicalHost::parse(host.strip_suffix('/').unwrap_or(host), scheme).ok()?;
    Some(format!("{}://{host}", scheme.as_str()))
}
