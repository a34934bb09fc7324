//! The macro table: names to bodies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::text::find_byte;

/// Names, with what stands between name and body in the macro list, and bodies of the macros every evaluation starts with.
///
/// Rule: rpm 4.20's architecture lists, as Build.pm carries them; spaces included, because the macro list shows them.
pub(crate) const STANDARD: &[(&str, &str, &str)] = &[
    ("nil", "", ""),
    ("ix86", "    ", "i386 i486 i586 i686 pentium3 pentium4 athlon geode"),
    ("x86_64", "  ", "x86_64 x86_64_v2 x86_64_v3 x86_64_v4 amd64 em64t"),
    (
        "arm32",
        "   ",
        "armv3l armv4b armv4l armv4tl armv5tl armv5tel armv5tejl armv6l armv6hl armv7l armv7hl armv7hnl armv8l armv8hl \
         armv8hnl armv8hcnl",
    ),
    ("arm", "     ", "%{arm32}"),
    ("arml", "    ", "armv3l armv4l armv5l armv5tel armv6l armv6hl armv7l armv7hl armv7hnl"),
    ("armb", "    ", "armv4b armv5b armv5teb"),
    ("arm64", "   ", "aarch64"),
    ("mips32", "  ", "mips mipsel mipsr6 mipsr6el"),
    ("mips64", "  ", "mips64 mips64el mips64r6 mips64r6el"),
    ("mipseb", "  ", "mips mipsr6 mips64 mips64r6"),
    ("mipsel", "  ", "mipsel mipsr6el mips64el mips64r6el"),
    ("mips", "    ", "%{mips32} %{mips64}"),
    ("loongarch64", " ", "loongarch64"),
    ("sparc", "   ", "sparc sparcv8 sparcv9 sparcv9v sparc64 sparc64v"),
    ("alpha", "   ", "alpha alphaev56 alphaev6 alphaev67"),
    ("power64", " ", "ppc64 ppc64p7 ppc64le"),
    ("riscv32", " ", "riscv32"),
    ("riscv64", " ", "riscv64"),
    ("riscv128", " ", "riscv128"),
    ("riscv", "   ", "%{riscv32} %{riscv64} %{riscv128}"),
];

/// The text a macro stands for; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// One defined macro.
#[derive(Debug, Clone)]
pub(crate) struct Macro {
    /// The option letters between the parentheses of a parametric macro; `None` for a plain one.
    pub(crate) options: Option<Box<[u8]>>,
    pub(crate) body: Body,
    /// The body has no `%`, so there is nothing to expand in it.
    pub(crate) is_literal: bool,
}

impl Macro {
    pub(crate) fn new(options: Option<Box<[u8]>>, body: Body) -> Self {
        let is_literal = find_byte(body.bytes(), 0, b'%').is_none();
        Self { options, body, is_literal }
    }

    pub(crate) fn plain(body: &[u8]) -> Self {
        Self::new(None, Body::Shared(body.into()))
    }
}

/// Former values of names that were hidden by the arguments of a parametric macro.
pub(crate) type Saved = Vec<(Vec<u8>, Option<Macro>)>;

/// All macros of one evaluation.
#[derive(Debug, Clone, Default)]
pub(crate) struct MacroTable {
    /// A macro named like a word of conditions was defined at some time.
    hides_conditions: bool,
    own: BTreeMap<Vec<u8>, Macro>,
    /// Names of the arguments that are bound at the moment.
    arguments: Vec<Vec<u8>>,
    /// Names that were used without a test but are not defined, when somebody wants to know.
    undefined: Option<Vec<Vec<u8>>>,
}

/// Undefined names that are kept at most, for each line.
const MAX_UNDEFINED: usize = 50;

impl MacroTable {
    /// The standard macros and the two that depend on the architecture.
    pub(crate) fn for_arch(arch: &[u8]) -> Self {
        let mut table = Self::default();
        table.define(b"_target_cpu", Macro::plain(arch));
        table.define(b"_target_os", Macro::new(None, Body::Static(b"linux")));
        table
    }

    pub(crate) fn define(&mut self, name: &[u8], value: Macro) {
        self.hides_conditions |= is_condition_word(name);
        self.own.insert(name.to_vec(), value);
    }

    /// Whether a word of conditions, such as `ifarch`, was ever defined as a macro, so that it expands like one.
    pub(crate) fn hides_conditions(&self) -> bool {
        self.hides_conditions
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.own.remove(name);
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<Cow<'_, Macro>> {
        if let Some(found) = self.own.get(name) {
            return Some(Cow::Borrowed(found));
        }
        standard(name).map(|body| Cow::Owned(Macro::new(None, Body::Static(body))))
    }

    pub(crate) fn look_up(&self, name: &[u8]) -> Option<Macro> {
        self.get(name).map(Cow::into_owned)
    }

    pub(crate) fn is_defined(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// Starts noting undefined names.
    pub(crate) fn watch(&mut self) {
        self.undefined = Some(Vec::new());
    }

    /// Notes that a name was used without a test but is not defined.
    pub(crate) fn note_undefined(&mut self, name: &[u8]) {
        if let Some(undefined) = self.undefined.as_mut().filter(|undefined| undefined.len() < MAX_UNDEFINED) {
            undefined.push(name.to_vec());
        }
    }

    /// The names noted since the last call.
    pub(crate) fn take_undefined(&mut self) -> Vec<Vec<u8>> {
        self.undefined.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Hides the bound arguments and binds others; the result undoes it.
    pub(crate) fn bind(&mut self, bound: BTreeMap<Vec<u8>, Vec<u8>>) -> Saved {
        let mut saved: Saved = Vec::new();
        for name in std::mem::take(&mut self.arguments) {
            let hidden = self.own.remove(&name);
            saved.push((name, hidden));
        }
        for (name, value) in bound {
            self.hides_conditions |= is_condition_word(&name);
            let former = self.own.insert(name.clone(), Macro::plain(&value));
            if former.is_some() {
                saved.push((name.clone(), former));
            }
            self.arguments.push(name);
        }
        saved
    }

    /// Undoes a [`Self::bind`]. `outer` says which of the saved names were arguments themselves.
    pub(crate) fn unbind(&mut self, saved: Saved, outer: Vec<Vec<u8>>) {
        for name in std::mem::take(&mut self.arguments) {
            self.own.remove(&name);
        }
        for (name, value) in saved {
            if let Some(value) = value {
                self.own.insert(name, value);
            }
        }
        self.arguments = outer;
    }

    /// The names bound at the moment.
    pub(crate) fn bound_names(&self) -> Vec<Vec<u8>> {
        self.arguments.clone()
    }
}

/// One bit for each first letter of a standard name, counted by the five low bits of the letter.
const FIRST_LETTERS: u32 = {
    let mut letters = 0;
    let mut index = 0;
    while index < STANDARD.len() {
        letters |= 1 << (STANDARD[index].0.as_bytes()[0] & 31);
        index += 1;
    }
    letters
};

/// Whether expansion leaves `%name` alone because it is a word of conditions (and not a macro).
pub(crate) fn is_condition_word(name: &[u8]) -> bool {
    matches!(
        name,
        b"if" | b"ifarch" | b"ifnarch" | b"ifos" | b"ifnos" | b"else" | b"elif" | b"elifarch" | b"elifos" | b"endif"
    )
}

fn standard(name: &[u8]) -> Option<&'static [u8]> {
    // Most names that are looked up are not standard, and few begin like one.
    let bit = 1_u32 << (name.first()? & 31);
    if FIRST_LETTERS & bit == 0 {
        return None;
    }
    STANDARD.iter().find(|(known, _, _)| known.as_bytes() == name).map(|(_, _, body)| body.as_bytes())
}
