//! The children of an element in the order of its schema.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::ResponseRefusal;
use crate::xml::Element;

pub(super) struct Children<'a> {
    of: &'static str,
    rest: Peekable<IntoIter<Element<'a>>>,
}

impl<'a> Children<'a> {
    /// Those of `element`, which is called `of` in messages.
    pub(super) fn of(element: Element<'a>, of: &'static str) -> Result<Self, ResponseRefusal> {
        let elements = element.elements().ok_or(ResponseRefusal::Structure { of })?;
        Ok(Self { of, rest: elements.into_iter().peekable() })
    }

    /// The next, if it is called so.
    pub(super) fn optional(&mut self, namespace: &str, name: &str) -> Option<Element<'a>> {
        self.rest.next_if(|next| next.is(namespace, name))
    }

    /// The next, which must be called so.
    pub(super) fn required(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Element<'a>, ResponseRefusal> {
        self.optional(namespace, name).ok_or(ResponseRefusal::Structure { of: self.of })
    }

    /// All that follow and are called so.
    pub(super) fn all(&mut self, namespace: &str, name: &str) -> Vec<Element<'a>> {
        std::iter::from_fn(|| self.optional(namespace, name)).collect()
    }

    /// The next, whatever it is.
    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        self.rest.next()
    }

    /// Nothing more may follow.
    pub(super) fn end(mut self) -> Result<(), ResponseRefusal> {
        if self.rest.next().is_none() {
            Ok(())
        } else {
            Err(ResponseRefusal::Structure { of: self.of })
        }
    }
}
