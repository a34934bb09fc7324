//! Interned dependencies: each distinct one is read once and has a number.

use pkg::PackageFormat;
use pkg::dep::{Constraint, Dependency, Operator, Rich, alternatives, is_rich};
use rustc_hash::FxHashMap;

use super::csr::Csr;
use super::strings::StringTable;

/// What kind of dependency a number stands for, and what is worth knowing of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DepKind(pub(super) u8);

const OPERATORS: [Operator; 5] =
    [Operator::Less, Operator::LessEqual, Operator::Equal, Operator::GreaterEqual, Operator::Greater];

impl DepKind {
    const SHAPE: u8 = 0x0f;
    const UNKNOWN_OPERATOR: u8 = 6;
    const ALTERNATIVES: u8 = 8;
    const RICH: u8 = 9;
    const PATH: u8 = 0x10;
    const RPMLIB: u8 = 0x20;
    const ANY: u8 = 0x40;

    fn plain(name: &str, any: bool, constraint: Option<Constraint<'_>>) -> Self {
        let shape = match constraint {
            None => 0,
            Some(Constraint { operator: None, .. }) => Self::UNKNOWN_OPERATOR,
            Some(Constraint { operator: Some(operator), .. }) => {
                OPERATORS.iter().position(|known| *known == operator).map_or(0, |position| position as u8 + 1)
            }
        };
        let path = if name.starts_with('/') { Self::PATH } else { 0 };
        let rpmlib = if name.starts_with("rpmlib(") { Self::RPMLIB } else { 0 };
        Self(shape | path | rpmlib | if any { Self::ANY } else { 0 })
    }

    pub(crate) fn is_rich(self) -> bool {
        self.0 & Self::SHAPE == Self::RICH
    }

    pub(crate) fn is_alternatives(self) -> bool {
        self.0 & Self::SHAPE == Self::ALTERNATIVES
    }

    pub(crate) fn is_path(self) -> bool {
        self.0 & Self::PATH != 0
    }

    pub(crate) fn is_rpmlib(self) -> bool {
        self.0 & Self::RPMLIB != 0
    }

    /// Whether the name had Debian's `:any` behind it.
    pub(crate) fn has_any(self) -> bool {
        self.0 & Self::ANY != 0
    }

    /// Whether this is the kind of some dependency.
    pub(super) fn is_known(self) -> bool {
        (self.0 & Self::SHAPE) <= Self::UNKNOWN_OPERATOR || self.is_alternatives() || self.is_rich()
    }

    pub(crate) fn is_versioned(self) -> bool {
        (1..=Self::UNKNOWN_OPERATOR).contains(&(self.0 & Self::SHAPE))
    }

    fn operator(self) -> Option<Operator> {
        let shape = usize::from(self.0 & Self::SHAPE);
        OPERATORS.get(shape.wrapping_sub(1)).copied()
    }
}

/// A rich dependency over dependency numbers.
#[derive(Debug, Clone)]
pub(crate) enum RichNode {
    Atom(u32),
    And(Vec<Self>),
    Or(Vec<Self>),
    With(Vec<Self>),
    Without(Box<Self>, Box<Self>),
    If(Box<Self>, Box<Self>, Option<Box<Self>>),
    Unless(Box<Self>, Box<Self>, Option<Box<Self>>),
}

impl RichNode {
    pub(crate) fn from_rich(rich: Rich, atom: &mut impl FnMut(&str) -> u32) -> Self {
        let all = |terms: Vec<Rich>, atom: &mut _| terms.into_iter().map(|term| Self::from_rich(term, atom)).collect();
        match rich {
            Rich::Atom(text) => Self::Atom(atom(&text)),
            Rich::And(terms) => Self::And(all(terms, atom)),
            Rich::Or(terms) => Self::Or(all(terms, atom)),
            Rich::With(terms) => Self::With(all(terms, atom)),
            Rich::Without(one, other) => {
                Self::Without(Box::new(Self::from_rich(*one, atom)), Box::new(Self::from_rich(*other, atom)))
            }
            Rich::If { then, condition, otherwise } => Self::If(
                Box::new(Self::from_rich(*then, atom)),
                Box::new(Self::from_rich(*condition, atom)),
                otherwise.map(|rich| Box::new(Self::from_rich(*rich, atom))),
            ),
            Rich::Unless { then, condition, otherwise } => Self::Unless(
                Box::new(Self::from_rich(*then, atom)),
                Box::new(Self::from_rich(*condition, atom)),
                otherwise.map(|rich| Box::new(Self::from_rich(*rich, atom))),
            ),
        }
    }

    /// The terms of this node, for walks that do not care about the operator.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Atom(_) => Vec::new(),
            Self::And(terms) | Self::Or(terms) | Self::With(terms) => terms.iter().collect(),
            Self::Without(one, other) => vec![one, other],
            Self::If(one, two, three) | Self::Unless(one, two, three) => {
                [Some(one), Some(two), three.as_ref()].into_iter().flatten().map(Box::as_ref).collect()
            }
        }
    }

    /// Calls `visit` with every atom.
    pub(crate) fn for_each_atom(&self, visit: &mut impl FnMut(u32)) {
        if let Self::Atom(dep) = self {
            visit(*dep);
        }
        for child in self.children() {
            child.for_each_atom(visit);
        }
    }
}

/// A rich dependency with its text; no tree if it can not be parsed.
#[derive(Debug, Clone)]
pub(crate) struct RichDep {
    pub(crate) text: Box<str>,
    pub(crate) tree: Option<RichNode>,
}

/// All distinct dependencies of a pool.
///
/// A plain one is a name and perhaps a version; alternatives and rich ones refer to plain ones.
#[derive(Debug, Clone)]
pub(crate) struct DepTable {
    pub(super) format: PackageFormat,
    /// Name; for alternatives the name of the first one.
    pub(super) names: Vec<u32>,
    /// Version; for alternatives and rich ones the row in `alternatives` or `rich`.
    pub(super) extras: Vec<u32>,
    pub(super) kinds: Vec<DepKind>,
    pub(super) alternatives: Csr,
    pub(super) rich: Vec<RichDep>,
    /// Texts that are not what name, operator and version print as.
    pub(super) texts: FxHashMap<u32, Box<str>>,
}

impl DepTable {
    pub(crate) fn new(format: PackageFormat) -> Self {
        Self {
            format,
            names: Vec::new(),
            extras: Vec::new(),
            kinds: Vec::new(),
            alternatives: Csr::new(),
            rich: Vec::new(),
            texts: FxHashMap::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(crate) fn kind(&self, dep: u32) -> DepKind {
        self.kinds[dep as usize]
    }

    /// The name without `:any`; for alternatives the name of the first one, for rich ones the empty name.
    pub(crate) fn name(&self, dep: u32) -> u32 {
        self.names[dep as usize]
    }

    /// The single dependencies of an alternative list, in order.
    pub(crate) fn alternatives(&self, dep: u32) -> &[u32] {
        if self.kind(dep).is_alternatives() { self.alternatives.row(self.extras[dep as usize]) } else { &[] }
    }

    pub(crate) fn rich(&self, dep: u32) -> Option<&RichDep> {
        if self.kind(dep).is_rich() { self.rich.get(self.extras[dep as usize] as usize) } else { None }
    }

    pub(crate) fn constraint<'a>(&self, versions: &'a StringTable, dep: u32) -> Option<Constraint<'a>> {
        let kind = self.kind(dep);
        kind.is_versioned()
            .then(|| Constraint { operator: kind.operator(), version: versions.get(self.extras[dep as usize]) })
    }

    /// The dependency as its package writes it, with Debian's own operators.
    pub(crate) fn text(&self, names: &StringTable, versions: &StringTable, dep: u32) -> String {
        if let Some(text) = self.texts.get(&dep) {
            return text.to_string();
        }
        if let Some(rich) = self.rich(dep) {
            return rich.text.to_string();
        }
        if self.kind(dep).is_alternatives() {
            let texts: Vec<String> =
                self.alternatives(dep).iter().map(|single| self.text(names, versions, *single)).collect();
            return texts.join(" | ");
        }
        let any = if self.kind(dep).has_any() { ":any" } else { "" };
        let name = names.get(self.name(dep));
        match self.constraint(versions, dep) {
            Some(Constraint { operator: Some(operator), version }) => {
                format!("{name}{any} {} {version}", operator.display(self.format))
            }
            _ => format!("{name}{any}"),
        }
    }

    pub(crate) fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.extras.shrink_to_fit();
        self.kinds.shrink_to_fit();
        self.rich.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.alternatives.shrink();
    }

    pub(crate) fn bytes(&self) -> usize {
        let texts: usize = self.texts.values().map(|text| text.len() + 32).sum();
        let rich: usize = self.rich.iter().map(|rich| rich.text.len() + 200).sum();
        9 * self.kinds.capacity() + self.alternatives.bytes() + texts + rich
    }
}

/// Numbers dependencies while a pool is built.
#[derive(Debug, Clone)]
pub(crate) struct DepInterner {
    pub(crate) names: StringTable,
    pub(crate) versions: StringTable,
    pub(crate) table: DepTable,
    pub(super) plain: FxHashMap<(u32, u32, u8), u32>,
    pub(super) complex: FxHashMap<Box<str>, u32>,
}

impl DepInterner {
    pub(crate) fn new(format: PackageFormat) -> Self {
        Self {
            names: StringTable::new(),
            versions: StringTable::new(),
            table: DepTable::new(format),
            plain: FxHashMap::default(),
            complex: FxHashMap::default(),
        }
    }

    /// The number of a dependency of any form.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        let text = text.trim();
        let complex = is_rich(text) || text.contains('|') || text.contains('&') || text.starts_with("packageand(");
        if !complex {
            return self.intern_plain(text);
        }
        if let Some(dep) = self.complex.get(text) {
            return *dep;
        }
        let dep = self.add_complex(text);
        self.complex.insert(text.into(), dep);
        dep
    }

    fn add_complex(&mut self, text: &str) -> u32 {
        if is_rich(text) {
            let tree = Rich::parse(text).map(|rich| RichNode::from_rich(rich, &mut |atom| self.intern_plain(atom)));
            return self.add_rich(text, tree);
        }
        if let Some(terms) = joint_terms(text) {
            let terms = terms.iter().map(|term| RichNode::Atom(self.intern_plain(term))).collect();
            return self.add_rich(text, Some(RichNode::And(terms)));
        }
        if !text.contains('|') {
            return self.intern_plain(text);
        }
        let singles: Vec<u32> = alternatives(text).map(|single| self.intern_plain(single)).collect();
        let name = singles.first().map_or(0, |first| self.table.name(*first));
        let row = self.table.alternatives.push(singles);
        let dep = self.push(name, row, DepKind(DepKind::ALTERNATIVES));
        self.remember_text(dep, text);
        dep
    }

    fn add_rich(&mut self, text: &str, tree: Option<RichNode>) -> u32 {
        let row = self.table.rich.len() as u32;
        self.table.rich.push(RichDep { text: text.into(), tree });
        self.push(0, row, DepKind(DepKind::RICH))
    }

    fn intern_plain(&mut self, text: &str) -> u32 {
        let parsed = Dependency::parse(text);
        let (name, any) = parsed.split_any(self.table.format);
        let kind = DepKind::plain(name, any, parsed.constraint);
        let name = self.names.intern(name);
        let version = parsed.constraint.map_or(0, |constraint| self.versions.intern(constraint.version));
        if let Some(dep) = self.plain.get(&(name, version, kind.0)) {
            return *dep;
        }
        let dep = self.push(name, version, kind);
        self.plain.insert((name, version, kind.0), dep);
        if parsed.constraint.is_some() {
            self.remember_text(dep, text);
        }
        dep
    }

    /// Keeps the text if printing the parts gives another one.
    fn remember_text(&mut self, dep: u32, text: &str) {
        let debian_operator = self.table.format == PackageFormat::Deb
            && matches!(self.table.kind(dep).operator(), Some(Operator::Less | Operator::Greater));
        if debian_operator || self.table.kind(dep).is_alternatives() && self.table.format == PackageFormat::Deb {
            return;
        }
        if !self.is_canonical(dep, text) && self.table.text(&self.names, &self.versions, dep) != text {
            self.table.texts.insert(dep, text.into());
        }
    }

    /// Whether a plain versioned dependency is written as it will be printed; false may also mean not known.
    fn is_canonical(&self, dep: u32, text: &str) -> bool {
        let rest = text.strip_prefix(self.names.get(self.table.name(dep))).and_then(|rest| rest.strip_prefix(' '));
        let Some(Constraint { operator: Some(operator), version }) = self.table.constraint(&self.versions, dep) else {
            return false;
        };
        let rest = rest.and_then(|rest| rest.strip_prefix(operator.as_str())?.strip_prefix(' '));
        rest == Some(version) && !self.table.kind(dep).has_any()
    }

    fn push(&mut self, name: u32, extra: u32, kind: DepKind) -> u32 {
        let dep = self.table.kinds.len() as u32;
        self.table.names.push(name);
        self.table.extras.push(extra);
        self.table.kinds.push(kind);
        dep
    }
}

/// The parts of `a & b` (Alpine's `install_if`) and of SUSE's old `packageand(a:b)`.
fn joint_terms(text: &str) -> Option<Vec<String>> {
    if text.contains(" & ") {
        return Some(text.split(" & ").map(|term| term.trim().to_owned()).collect());
    }
    let inner = text.strip_prefix("packageand(")?.strip_suffix(')')?;
    let mut terms: Vec<String> = Vec::new();
    for part in inner.split(':') {
        match terms.last_mut() {
            // `pattern:x` is one name.
            Some(last) if last == "pattern" => *last = format!("pattern:{part}"),
            _ => terms.push(part.to_owned()),
        }
    }
    (!inner.is_empty()).then_some(terms)
}
