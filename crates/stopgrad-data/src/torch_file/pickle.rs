//! The stack machine of pickles, as far as dictionaries of tensors need it (Python's `pickletools` describes the instructions).
//!
//! Every value is a node that is made once and pointed to: a pickle that holds one value many times costs no more than its
//! bytes. Nothing is called; making a tensor means to note what it says of itself.

use super::PickleError;

/// The instruction at the start: the version of the protocol.
pub(super) const PROTO: u8 = 0x80;

/// Axes of a tensor, and letters of a storage's name, which PyTorch counts up: a file in which more were written many times
/// would take its length squared.
const MOST_AXES: usize = 8;
const LONGEST_KEY: usize = 20;

/// Where a node is.
pub(super) type Place = usize;

/// What a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    U8,
    I8,
    I16,
    I32,
    I64,
}

impl Kind {
    /// Bytes of a number.
    pub(super) fn size(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// What a tensor says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub kind: Kind,
    /// Name of its storage in the archive.
    pub key: String,
    /// First number.
    pub offset: u64,
    pub shape: Vec<u64>,
    pub strides: Vec<u64>,
}

/// Everything that may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Dictionary,
    Rebuild,
    Parameter,
    Storage(Kind),
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// None, booleans, floats: nothing that is looked at.
    Other,
    Whole(i64),
    Text(String),
    Tuple(Vec<Place>),
    List,
    Dictionary(Vec<(Place, Place)>),
    Global(Global),
    Storage(Kind, String),
    Tensor(Tensor),
}

/// All values of a pickle that ended.
#[derive(Debug)]
pub(super) struct Machine {
    nodes: Vec<Node>,
    stack: Vec<Place>,
    marks: Vec<usize>,
    memo: std::collections::BTreeMap<u32, Place>,
}

/// Bytes, read one after another.
struct Bytes<'a> {
    all: &'a [u8],
    next: usize,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.all.get(self.next..self.next.checked_add(count)?)?;
        self.next += count;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn line(&mut self) -> Option<String> {
        let end = self.all.get(self.next..)?.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8(self.take(end)?.to_vec()).ok()?;
        self.next += 1;
        Some(line)
    }

    fn text(&mut self, length: usize) -> Option<Node> {
        String::from_utf8(self.take(length)?.to_vec()).ok().map(Node::Text)
    }
}

/// Why a step could not be made; where is added by the loop.
enum Fault {
    Damaged,
    Instruction(u8),
    Global(String),
}

impl Machine {
    /// Follows a pickle to its end.
    pub(super) fn run(program: &[u8]) -> Result<Self, PickleError> {
        let mut machine = Self { nodes: vec![], stack: vec![], marks: vec![], memo: std::collections::BTreeMap::new() };
        let mut bytes = Bytes { all: program, next: 0 };
        loop {
            let place = bytes.next;
            let goes_on = machine.step(&mut bytes).map_err(|fault| match fault {
                Fault::Damaged => PickleError::Damaged { place },
                Fault::Instruction(code) => PickleError::Instruction { code, place },
                Fault::Global(name) => PickleError::Global { name },
            })?;
            if !goes_on {
                return if machine.stack.len() == 1 { Ok(machine) } else { Err(PickleError::Damaged { place }) };
            }
        }
    }

    /// The one value at the end.
    pub(super) fn result(&self) -> Place {
        self.stack[0]
    }

    pub(super) fn node(&self, place: Place) -> &Node {
        &self.nodes[place]
    }

    /// One instruction; false at the last.
    fn step(&mut self, bytes: &mut Bytes<'_>) -> Result<bool, Fault> {
        let [code] = bytes.array().ok_or(Fault::Damaged)?;
        if code == b'c' {
            let names = [bytes.line(), bytes.line()];
            let [Some(module), Some(name)] = names else { return Err(Fault::Damaged) };
            self.push(Node::Global(global(&module, &name).ok_or_else(|| Fault::Global(format!("{module}.{name}")))?));
            return Ok(true);
        }
        if !matches!(
            code,
            PROTO
                | b'.'
                | b'N'
                | 0x88
                | 0x89
                | b'G'
                | b'J'
                | b'K'
                | b'M'
                | 0x8a
                | b'X'
                | b'U'
                | b'T'
                | b')'
                | b'}'
                | b']'
                | b'('
                | b't'
                | 0x85..=0x87 | b's' | b'u' | b'a' | b'e' | b'q' | b'r' | b'h' | b'j' | b'Q' | b'R' | b'b'
        ) {
            return Err(Fault::Instruction(code));
        }
        self.known(code, bytes).ok_or(Fault::Damaged)?;
        Ok(code != b'.')
    }

    /// One of the known instructions; none when what it takes is not there.
    fn known(&mut self, code: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        match code {
            PROTO => drop(bytes.take(1)?),
            b'N' | 0x88 | 0x89 => self.push(Node::Other),
            b'G' => {
                bytes.take(8)?;
                self.push(Node::Other);
            }
            b'J' => self.whole(i64::from(i32::from_le_bytes(bytes.array()?))),
            b'K' => self.whole(i64::from(bytes.array::<1>()?[0])),
            b'M' => self.whole(i64::from(u16::from_le_bytes(bytes.array()?))),
            0x8a => {
                let [length] = bytes.array()?;
                let number = bytes.take(usize::from(length))?;
                self.push(long(number).map_or(Node::Other, Node::Whole));
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(bytes.array()?) as usize;
                let text = bytes.text(length)?;
                self.push(text);
            }
            b'U' => {
                let [length] = bytes.array()?;
                let text = bytes.text(usize::from(length))?;
                self.push(text);
            }
            b')' => self.push(Node::Tuple(Vec::new())),
            b'}' => self.push(Node::Dictionary(Vec::new())),
            b']' => self.push(Node::List),
            b'(' => self.marks.push(self.stack.len()),
            b't' => {
                let items = self.since_mark()?;
                self.push(Node::Tuple(items));
            }
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(code - 0x84))?;
                let items = self.above(start)?;
                self.push(Node::Tuple(items));
            }
            b's' => {
                let start = self.stack.len().checked_sub(2)?;
                let pair = self.above(start)?;
                self.fill(&pair)?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.fill(&items)?;
            }
            b'a' => drop(self.pop()?),
            b'e' => drop(self.since_mark()?),
            b'q' => self.remember(u32::from(bytes.array::<1>()?[0]))?,
            b'r' => self.remember(u32::from_le_bytes(bytes.array()?))?,
            b'h' => self.recall(u32::from(bytes.array::<1>()?[0]))?,
            b'j' => self.recall(u32::from_le_bytes(bytes.array()?))?,
            b'Q' => self.storage()?,
            b'R' => self.reduce()?,
            // The attributes of a dictionary, such as the versions of modules.
            b'b' => {
                self.pop()?;
                matches!(self.top()?, Node::Dictionary(_)).then_some(())?;
            }
            // `.`: the end.
            _ => {}
        }
        Some(())
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn whole(&mut self, number: i64) {
        self.push(Node::Whole(number));
    }

    /// The topmost value that does not lie below a mark.
    fn pop(&mut self) -> Option<Place> {
        if self.marks.last() == Some(&self.stack.len()) { None } else { self.stack.pop() }
    }

    fn top(&self) -> Option<&Node> {
        self.stack.last().map(|&place| &self.nodes[place])
    }

    fn since_mark(&mut self) -> Option<Vec<Place>> {
        let start = self.marks.pop()?;
        self.above(start)
    }

    fn above(&mut self, start: usize) -> Option<Vec<Place>> {
        let marked = self.marks.last().is_some_and(|&mark| mark > start);
        (!marked && start <= self.stack.len()).then(|| self.stack.split_off(start))
    }

    fn fill(&mut self, items: &[Place]) -> Option<()> {
        let &place = self.stack.last()?;
        let Node::Dictionary(entries) = &mut self.nodes[place] else { return None };
        let (pairs, rest) = items.as_chunks::<2>();
        entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
        rest.is_empty().then_some(())
    }

    fn remember(&mut self, name: u32) -> Option<()> {
        let &place = self.stack.last()?;
        self.memo.insert(name, place);
        Some(())
    }

    fn recall(&mut self, name: u32) -> Option<()> {
        let &place = self.memo.get(&name)?;
        self.stack.push(place);
        Some(())
    }

    /// ("storage", type, key, device, length) becomes a storage.
    fn storage(&mut self) -> Option<()> {
        let place = self.pop()?;
        let Node::Tuple(parts) = &self.nodes[place] else { return None };
        let &[_, kind, key, ..] = parts.as_slice() else { return None };
        let (Node::Global(Global::Storage(kind)), Node::Text(key)) = (&self.nodes[kind], &self.nodes[key]) else {
            return None;
        };
        (key.len() <= LONGEST_KEY).then_some(())?;
        self.push(Node::Storage(*kind, key.clone()));
        Some(())
    }

    /// What a named maker would make of its arguments.
    fn reduce(&mut self) -> Option<()> {
        let (arguments, maker) = (self.pop()?, self.pop()?);
        let (Node::Tuple(arguments), Node::Global(maker)) = (&self.nodes[arguments], &self.nodes[maker]) else {
            return None;
        };
        let made = match (maker, arguments.as_slice()) {
            (Global::Dictionary, _) => Node::Dictionary(Vec::new()),
            // A parameter is the tensor that it is made of.
            (Global::Parameter, &[tensor, ..]) => match &self.nodes[tensor] {
                Node::Tensor(tensor) => Node::Tensor(tensor.clone()),
                _ => return None,
            },
            (Global::Rebuild, &[storage, offset, shape, strides, ..]) => {
                let Node::Storage(kind, key) = &self.nodes[storage] else { return None };
                let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
                let offset = self.size(offset)?;
                (shape.len() == strides.len() && shape.len() <= MOST_AXES).then_some(())?;
                Node::Tensor(Tensor { kind: *kind, key: key.clone(), offset, shape, strides })
            }
            _ => return None,
        };
        self.push(made);
        Some(())
    }

    fn sizes(&self, place: Place) -> Option<Vec<u64>> {
        let Node::Tuple(items) = &self.nodes[place] else { return None };
        items.iter().map(|&item| self.size(item)).collect()
    }

    fn size(&self, place: Place) -> Option<u64> {
        if let Node::Whole(number) = self.nodes[place] { u64::try_from(number).ok() } else { None }
    }
}

/// A whole number of up to eight bytes, little-endian, of two's complement.
fn long(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|&last| last >= 0x80);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(whole))
}

fn global(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::Dictionary,
        ("torch._utils", "_rebuild_tensor_v2") => Global::Rebuild,
        ("torch._utils", "_rebuild_parameter") => Global::Parameter,
        ("torch", "HalfStorage") => Global::Storage(Kind::F16),
        ("torch", "BFloat16Storage") => Global::Storage(Kind::Bf16),
        ("torch", "FloatStorage") => Global::Storage(Kind::F32),
        ("torch", "DoubleStorage") => Global::Storage(Kind::F64),
        ("torch", "ByteStorage" | "BoolStorage") => Global::Storage(Kind::U8),
        ("torch", "CharStorage") => Global::Storage(Kind::I8),
        ("torch", "ShortStorage") => Global::Storage(Kind::I16),
        ("torch", "IntStorage") => Global::Storage(Kind::I32),
        ("torch", "LongStorage") => Global::Storage(Kind::I64),
        _ => return None,
    })
}
