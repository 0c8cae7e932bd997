//! Writing XML.

use std::fmt::Display;

/// What every answer says its request was.
pub(super) const REQUEST_ID: &str = "5eeeeeee-0000-4000-8000-000000000000";

/// An XML document in the making.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    /// An element with content. The tag may carry attributes.
    pub(super) fn node(&mut self, tag: &str, content: impl FnOnce(&mut Self)) {
        self.0.extend(["<", tag, ">"]);
        content(self);
        let name = tag.split(' ').next().unwrap_or(tag);
        self.0.extend(["</", name, ">"]);
    }

    /// An element with text.
    pub(super) fn leaf(&mut self, tag: &str, text: impl Display) {
        let text = escape(&text.to_string());
        self.node(tag, |xml| xml.0.push_str(&text));
    }

    /// An element with text, if there is any.
    pub(super) fn maybe(&mut self, tag: &str, text: Option<impl Display>) {
        if let Some(text) = text {
            self.leaf(tag, text);
        }
    }

    /// A list as Elastic Load Balancing writes it: `<tag><member>…`.
    pub(super) fn members<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) {
        self.list(tag, "member", items, write);
    }

    /// A list as EC2 writes it: `<tag><item>…`.
    pub(super) fn items<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) {
        self.list(tag, "item", items, write);
    }

    /// A list of texts as Elastic Load Balancing writes it.
    pub(super) fn texts<T: Display>(&mut self, tag: &str, texts: impl IntoIterator<Item = T>) {
        self.node(tag, |xml| texts.into_iter().for_each(|text| xml.leaf("member", text)));
    }

    /// The document.
    pub(super) fn finish(self) -> String {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{}", self.0)
    }

    fn list<T>(
        &mut self,
        tag: &str,
        entry: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.node(tag, |xml| {
            for item in items {
                xml.node(entry, |xml| write(xml, item));
            }
        });
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
