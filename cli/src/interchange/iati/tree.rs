//! XML in pieces: one item at a time as a small tree, without DTD, without entities, with bounds.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting; IATI has nine levels.
const DEPTH_MAX: usize = 64;
/// Most elements of one item; the largest known activity has some 50,000.
const NODES_MAX: usize = 500_000;
/// Most bytes of text and attributes of one item.
const TEXT_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// One element with what it holds; elements and attributes of other namespaces are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Its name.
    pub name: String,
    /// Its attributes in their order.
    pub attributes: Vec<(String, String)>,
    /// Its own text.
    pub text: String,
    /// Its elements in their order.
    pub children: Vec<Node>,
    /// Line of the file, from 1.
    pub line: usize,
    /// A thing that XML forbids or we do not follow, with which it cannot be valid.
    pub fault: Option<String>,
}

impl Node {
    /// An attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// An attribute's value, or nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.attribute(name).unwrap_or_default()
    }

    /// The first element of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|c| c.name == name)
    }

    /// All elements of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |c| c.name == name)
    }
}

/// What comes next in a file.
pub(super) enum Step {
    /// An element around the items begins; it has no children here.
    Outer(Node),
    /// An item is whole.
    Item(Node),
    /// The file ends.
    End,
}

/// A file read item by item.
pub(super) struct Tree<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    items: &'static [&'static str],
    /// Open elements of the item that is being read; empty outside of one.
    open: Vec<Node>,
    /// How many elements are open in all, those of other namespaces too.
    depth: usize,
    /// The depth at which an element of another namespace began.
    foreign: Option<usize>,
    nodes: usize,
    bytes: usize,
    counted: (usize, usize),
}

impl<'a> Tree<'a> {
    /// Begins a file; elements of these names are items.
    pub(super) fn new(text: &'a str, items: &'static [&'static str]) -> Self {
        Self {
            reader: Reader::from_str(text),
            text,
            items,
            open: Vec::new(),
            depth: 0,
            foreign: None,
            nodes: 0,
            bytes: 0,
            counted: (0, 1),
        }
    }

    /// Reads on to the next item.
    pub(super) fn next(&mut self) -> Result<Step, String> {
        loop {
            let line = self.line();
            let event = self.reader.read_event().map_err(|e| format!("line {line}: {e}"))?;
            match event {
                Event::Start(start) => {
                    if let Some(step) = self.start(&start, line)? {
                        return Ok(step);
                    }
                }
                Event::Empty(start) => {
                    let outer = self.start(&start, line)?;
                    if let Some(item) = self.end() {
                        return Ok(Step::Item(item));
                    }
                    if let Some(step) = outer {
                        return Ok(step);
                    }
                }
                Event::End(_) => {
                    if let Some(item) = self.end() {
                        return Ok(Step::Item(item));
                    }
                }
                Event::Text(text) => self.text(&text.xml_content(XmlVersion::Implicit1_0))?,
                Event::CData(text) => self.text(&text.xml_content(XmlVersion::Implicit1_0))?,
                Event::GeneralRef(name) => {
                    let known = quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned);
                    match known.or_else(|| name.resolve_char_ref().ok().flatten().map(String::from)) {
                        Some(text) => self.text(&text)?,
                        None => self.fault(format!("the entity &{};", &*name)),
                    }
                }
                Event::DocType(_) => return Err(format!("line {line}: a DTD is not read")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof if self.depth > 0 => return Err(format!("line {line}: the file is cut off")),
                Event::Eof => return Ok(Step::End),
            }
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, line: usize) -> Result<Option<Step>, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("line {line}: elements are nested more than {DEPTH_MAX} deep"));
        }
        let name = start.name().into_inner().to_owned();
        if self.foreign.is_none() && name.contains(':') {
            self.foreign = Some(self.depth);
        }
        if self.foreign.is_some() {
            return Ok(None);
        }
        let mut node = Node { name, line, ..Node::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| format!("line {line}: {e}"))?;
            let name = attribute.key.into_inner();
            if (name.contains(':') && name != "xml:lang") || name == "xmlns" {
                continue;
            }
            match attribute.normalized_value(XmlVersion::Implicit1_0) {
                Ok(value) => node.attributes.push((name.to_owned(), value.into_owned())),
                Err(e) => node.fault = Some(e.to_string()),
            }
        }
        let item = self.items.contains(&node.name.as_str());
        if self.open.is_empty() && !item {
            return Ok(Some(Step::Outer(node)));
        }
        self.nodes += 1;
        self.bytes += node.attributes.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        self.open.push(node);
        self.bounds(line).map(|()| None)
    }

    /// Closes an element; the item where that was its own.
    fn end(&mut self) -> Option<Node> {
        let foreign = self.foreign == Some(self.depth);
        let inside = self.foreign.is_some();
        self.depth = self.depth.saturating_sub(1);
        if foreign {
            self.foreign = None;
        }
        if inside {
            return None;
        }
        let node = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(node);
                None
            }
            None => {
                (self.nodes, self.bytes) = (0, 0);
                Some(node)
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if let (None, Some(node)) = (self.foreign, self.open.last_mut()) {
            node.text.push_str(text);
            self.bytes += text.len();
        }
        let line = self.line();
        self.bounds(line)
    }

    fn fault(&mut self, fault: String) {
        if let Some(node) = self.open.last_mut() {
            node.fault = Some(fault);
        }
    }

    fn bounds(&self, line: usize) -> Result<(), String> {
        match self.nodes > NODES_MAX || self.bytes > TEXT_BYTES_MAX {
            true => Err(format!("line {line}: one activity is larger than can be read")),
            false => Ok(()),
        }
    }

    /// The line that is being read; each byte is looked at once.
    fn line(&mut self) -> usize {
        let now = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX).min(self.text.len());
        let (from, line) = self.counted;
        let since = self.text.as_bytes().get(from..now).unwrap_or_default();
        let line = line + since.iter().filter(|b| **b == b'\n').count();
        self.counted = (now, line);
        line
    }
}
