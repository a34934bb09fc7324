//! Rich dependencies over sets of packages: normal forms, and whether an installed set fulfils one.

use crate::pool::deps::RichNode;

/// More clauses, or clauses longer, than any real package needs are not worked out.
const MAX_LITERALS: usize = 1 << 22;

/// Conditions are looked at twice, so nested ones can take exponential time.
const MAX_STEPS: usize = 1 << 16;

/// A package that must be there, or with the lowest bit set, must not be there.
type Literal = u32;

fn positive(package: u32) -> Literal {
    package << 1
}

fn is_negative(literal: Literal) -> bool {
    literal & 1 != 0
}

fn package(literal: Literal) -> u32 {
    literal >> 1
}

/// A list of literal sets: all of them hold of which one literal each (`And`), or one of them holds entirely (`Or`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    And,
    Or,
}

impl Form {
    fn other(self) -> Self {
        match self {
            Self::And => Self::Or,
            Self::Or => Self::And,
        }
    }
}

#[derive(Debug)]
enum Normal {
    True,
    False,
    Sets(Vec<Vec<Literal>>),
}

/// "One of these must be there as soon as all of those are."
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RichClause {
    pub(crate) negative: Vec<u32>,
    pub(crate) positive: Vec<u32>,
}

/// A rich dependency as clauses that all must hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Clauses {
    /// Nothing to do.
    True,
    /// Can not be fulfilled.
    False,
    /// All of these.
    All(Vec<RichClause>),
    /// The normal form is too large.
    TooLarge,
}

/// What a rich dependency refers to.
pub(crate) trait Atoms {
    /// The packages that provide an atom.
    fn providers(&self, atom: u32) -> Vec<u32>;
    /// Whether an atom counts as fulfilled without looking.
    fn is_ignored(&self, atom: u32) -> bool;
}

/// Normalizes what is needed.
pub(crate) fn normalize_requires(tree: &RichNode, atoms: &(impl Atoms + ?Sized)) -> Clauses {
    let mut normalizer = Normalizer { atoms, literals: 0, steps: 0, is_operand: false };
    let normal = normalizer.normalize(tree, Form::And);
    normalizer.clauses(normal)
}

/// Normalizes what must not be: the result says what must hold instead.
pub(crate) fn normalize_conflicts(tree: &RichNode, atoms: &(impl Atoms + ?Sized)) -> Clauses {
    let mut normalizer = Normalizer { atoms, literals: 0, steps: 0, is_operand: false };
    let normal = normalizer.normalize(tree, Form::Or).map(invert);
    normalizer.clauses(normal)
}

/// Nothing if the result would be too large.
type Step = Option<Normal>;

struct Normalizer<'a, A: ?Sized> {
    atoms: &'a A,
    literals: usize,
    steps: usize,
    /// Whether this is inside a choice, where nothing is ignored.
    is_operand: bool,
}

impl<A: Atoms + ?Sized> Normalizer<'_, A> {
    fn clauses(&self, normal: Step) -> Clauses {
        match normal {
            None => Clauses::TooLarge,
            Some(Normal::True) => Clauses::True,
            Some(Normal::False) => Clauses::False,
            Some(Normal::Sets(sets)) => Clauses::All(sets.into_iter().map(|set| clause(&set)).collect()),
        }
    }

    fn normalize(&mut self, node: &RichNode, form: Form) -> Step {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.literals > MAX_LITERALS {
            return None;
        }
        match node {
            RichNode::Atom(atom) => Some(self.atom(*atom, form)),
            RichNode::And(terms) => self.fold(terms, form, Self::both),
            RichNode::Or(terms) if is_plain_choice(node) => {
                self.unless_ignored(node, form, |this| this.fold(terms, form, Self::either))
            }
            RichNode::Or(terms) => self.fold(terms, form, Self::either),
            RichNode::With(_) | RichNode::Without(..) => {
                self.unless_ignored(node, form, |this| Some(spread(this.set_operation(node)?, form)))
            }
            RichNode::If(then, condition, otherwise) => {
                let negated = invert(self.normalize(condition, form.other())?);
                let then = self.normalize(then, form)?;
                let first = self.either(then, negated, form)?;
                let Some(otherwise) = otherwise else { return Some(first) };
                let condition = self.normalize(condition, form)?;
                let otherwise = self.normalize(otherwise, form)?;
                let second = self.either(condition, otherwise, form)?;
                self.both(first, second, form)
            }
            RichNode::Unless(then, condition, otherwise) => {
                let negated = invert(self.normalize(condition, form.other())?);
                let then = self.normalize(then, form)?;
                let first = self.both(then, negated, form)?;
                let Some(otherwise) = otherwise else { return Some(first) };
                let condition = self.normalize(condition, form)?;
                let otherwise = self.normalize(otherwise, form)?;
                let second = self.both(condition, otherwise, form)?;
                self.either(first, second, form)
            }
        }
    }

    /// Works out a choice among packages, in which no single name is ignored.
    ///
    /// DIFFERS from Build.pm, as libsolv does: an ignored name in front makes the whole fulfilled.
    fn unless_ignored(&mut self, node: &RichNode, form: Form, work: impl FnOnce(&mut Self) -> Step) -> Step {
        if form == Form::And && self.is_ignored(first_atom(node)?) {
            return Some(Normal::True);
        }
        let is_operand = std::mem::replace(&mut self.is_operand, true);
        let result = work(self);
        self.is_operand = is_operand;
        result
    }

    /// `with` and `without`, on one set of packages each side.
    fn set_operation(&mut self, node: &RichNode) -> Step {
        match node {
            RichNode::With(terms) => {
                let mut terms = terms.iter().rev();
                let last = self.normalize(terms.next()?, Form::And)?;
                terms.try_fold(last, |behind, term| {
                    let term = self.normalize(term, Form::And)?;
                    Some(intersect(&term, &behind))
                })
            }
            RichNode::Without(one, other) => {
                let one = self.normalize(one, Form::And)?;
                let other = self.normalize(other, Form::And)?;
                Some(subtract(&one, &other))
            }
            _ => None,
        }
    }

    fn is_ignored(&self, atom: u32) -> bool {
        !self.is_operand && self.atoms.is_ignored(atom)
    }

    fn atom(&mut self, atom: u32, form: Form) -> Normal {
        if form == Form::And && self.is_ignored(atom) {
            return Normal::True;
        }
        let literals: Vec<Literal> = self.atoms.providers(atom).into_iter().map(positive).collect();
        self.literals += literals.len();
        match form {
            _ if literals.is_empty() => Normal::False,
            Form::And => Normal::Sets(vec![literals]),
            Form::Or => Normal::Sets(literals.into_iter().map(|literal| vec![literal]).collect()),
        }
    }

    fn fold(&mut self, terms: &[RichNode], form: Form, join: impl Fn(&mut Self, Normal, Normal, Form) -> Step) -> Step {
        let mut terms = terms.iter().rev();
        let mut result = self.normalize(terms.next()?, form)?;
        for term in terms {
            let term = self.normalize(term, form)?;
            result = join(self, term, result, form)?;
        }
        Some(result)
    }

    fn both(&mut self, one: Normal, other: Normal, form: Form) -> Step {
        match (one, other) {
            (Normal::False, _) | (_, Normal::False) => Some(Normal::False),
            (Normal::True, rest) | (rest, Normal::True) => Some(rest),
            (Normal::Sets(one), Normal::Sets(other)) => match form {
                Form::And => Some(join(one, other)),
                Form::Or => self.distribute(&one, &other, Normal::False),
            },
        }
    }

    fn either(&mut self, one: Normal, other: Normal, form: Form) -> Step {
        match (one, other) {
            (Normal::True, _) | (_, Normal::True) => Some(Normal::True),
            (Normal::False, rest) | (rest, Normal::False) => Some(rest),
            (Normal::Sets(one), Normal::Sets(other)) => match form {
                Form::Or => Some(join(one, other)),
                Form::And => self.distribute(&one, &other, Normal::True),
            },
        }
    }

    /// Every set of one with every set of the other; sets with a package and its negation say nothing.
    fn distribute(&mut self, one: &[Vec<Literal>], other: &[Vec<Literal>], nothing_left: Normal) -> Step {
        let mut sets = Vec::new();
        for left in one {
            for right in other {
                let mut set: Vec<Literal> = left.iter().chain(right).copied().collect();
                set.sort_unstable();
                set.dedup();
                self.literals += set.len();
                if self.literals > MAX_LITERALS {
                    return None;
                }
                if set.windows(2).all(|pair| package(pair[0]) != package(pair[1])) {
                    sets.push(set);
                }
            }
        }
        Some(if sets.is_empty() { nothing_left } else { Normal::Sets(sets) })
    }
}

fn join(mut one: Vec<Vec<Literal>>, other: Vec<Vec<Literal>>) -> Normal {
    one.extend(other);
    Normal::Sets(one)
}

fn invert(normal: Normal) -> Normal {
    match normal {
        Normal::True => Normal::False,
        Normal::False => Normal::True,
        Normal::Sets(mut sets) => {
            for literal in sets.iter_mut().flatten() {
                *literal ^= 1;
            }
            Normal::Sets(sets)
        }
    }
}

/// The packages of a normal form that is one set of packages to choose from.
fn as_choice(normal: &Normal) -> Option<&[Literal]> {
    match normal {
        Normal::Sets(sets) if sets.len() == 1 => sets.first().map(Vec::as_slice),
        _ => None,
    }
    .filter(|set| !set.iter().any(|literal| is_negative(*literal)))
}

fn choice(set: Vec<Literal>) -> Normal {
    if set.is_empty() { Normal::False } else { Normal::Sets(vec![set]) }
}

/// The atom that stands first in the text.
fn first_atom(node: &RichNode) -> Option<u32> {
    match node {
        RichNode::Atom(atom) => Some(*atom),
        other => first_atom(other.children().first()?),
    }
}

/// `a with b`.
fn intersect(one: &Normal, other: &Normal) -> Normal {
    match (as_choice(one), as_choice(other)) {
        (Some(one), Some(other)) => {
            choice(one.iter().copied().filter(|literal| other.binary_search(literal).is_ok()).collect())
        }
        _ => Normal::False,
    }
}

/// `a without b`; something nothing provides takes nothing away.
fn subtract(one: &Normal, other: &Normal) -> Normal {
    let removed = if matches!(other, Normal::False) { Some(&[][..]) } else { as_choice(other) };
    match (as_choice(one), removed) {
        (Some(one), Some(removed)) => {
            choice(one.iter().copied().filter(|literal| removed.binary_search(literal).is_err()).collect())
        }
        _ => Normal::False,
    }
}

/// Brings the result of a set operation into the wanted form.
fn spread(normal: Normal, form: Form) -> Normal {
    match (normal, form) {
        (Normal::Sets(sets), Form::Or) => {
            Normal::Sets(sets.into_iter().flatten().map(|literal| vec![literal]).collect())
        }
        (normal, _) => normal,
    }
}

fn clause(set: &[Literal]) -> RichClause {
    let of = |wanted: bool| set.iter().filter(|l| is_negative(**l) == wanted).map(|l| package(*l)).collect();
    RichClause { negative: of(true), positive: of(false) }
}

/// Whether `tree` only chooses among packages, without conditions: made of atoms, `or`, `with` and `without`.
pub(crate) fn is_plain_choice(tree: &RichNode) -> bool {
    match tree {
        RichNode::Atom(_) | RichNode::With(_) | RichNode::Without(..) => true,
        RichNode::Or(terms) => terms.iter().all(is_plain_choice),
        RichNode::And(_) | RichNode::If(..) | RichNode::Unless(..) => false,
    }
}

/// Whether a set of installed packages fulfils a supplement.
pub(crate) fn is_fulfilled(
    tree: &RichNode,
    atoms: &(impl Atoms + ?Sized),
    is_installed: &impl Fn(u32) -> bool,
) -> bool {
    let fulfilled = |node: &RichNode| is_fulfilled(node, atoms, is_installed);
    match tree {
        RichNode::Atom(atom) => atoms.providers(*atom).into_iter().any(is_installed),
        RichNode::And(terms) => terms.iter().all(fulfilled),
        RichNode::Or(terms) => terms.iter().any(fulfilled),
        RichNode::If(then, condition, otherwise) => match otherwise {
            _ if fulfilled(condition) => fulfilled(then),
            Some(otherwise) => fulfilled(otherwise),
            None => true,
        },
        RichNode::Unless(then, condition, otherwise) => match otherwise {
            _ if !fulfilled(condition) => fulfilled(then),
            Some(otherwise) => fulfilled(otherwise),
            None => false,
        },
        RichNode::With(_) | RichNode::Without(..) => all_providers(tree, atoms).into_iter().any(is_installed),
    }
}

/// The packages a rich dependency can mean, conditions left aside.
pub(crate) fn all_providers(tree: &RichNode, atoms: &(impl Atoms + ?Sized)) -> Vec<u32> {
    let of = |node: &RichNode| all_providers(node, atoms);
    let mut found: Vec<u32> = match tree {
        RichNode::Atom(atom) => atoms.providers(*atom),
        RichNode::And(terms) | RichNode::Or(terms) => terms.iter().flat_map(of).collect(),
        RichNode::With(terms) => terms
            .iter()
            .map(of)
            .reduce(|one, other| one.into_iter().filter(|package| other.binary_search(package).is_ok()).collect())
            .unwrap_or_default(),
        RichNode::Without(one, other) => {
            let removed = of(other);
            of(one).into_iter().filter(|package| removed.binary_search(package).is_err()).collect()
        }
        RichNode::If(then, _, otherwise) | RichNode::Unless(then, _, otherwise) => {
            let mut found = of(then);
            found.extend(otherwise.iter().flat_map(|node| of(node)));
            found
        }
    };
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Atom n is provided by package n; atom 9 by nobody.
    struct Same;

    impl Atoms for Same {
        fn providers(&self, atom: u32) -> Vec<u32> {
            if atom == 9 { Vec::new() } else { vec![atom] }
        }

        fn is_ignored(&self, atom: u32) -> bool {
            atom == 8
        }
    }

    fn atom(number: u32) -> RichNode {
        RichNode::Atom(number)
    }

    fn all(clauses: &[(&[u32], &[u32])]) -> Clauses {
        let clause = |(negative, positive): &(&[u32], &[u32])| RichClause {
            negative: negative.to_vec(),
            positive: positive.to_vec(),
        };
        Clauses::All(clauses.iter().map(clause).collect())
    }

    #[test]
    fn conditions_become_triggers() {
        let tree = RichNode::If(Box::new(atom(1)), Box::new(atom(2)), None);
        assert_eq!(normalize_requires(&tree, &Same), all(&[(&[2], &[1])]));
        assert_eq!(normalize_conflicts(&tree, &Same), all(&[(&[1], &[]), (&[], &[2])]));
    }

    #[test]
    fn a_conflict_of_two_needs_both() {
        let tree = RichNode::And(vec![atom(1), atom(2)]);
        assert_eq!(normalize_conflicts(&tree, &Same), all(&[(&[1, 2], &[])]));
    }

    #[test]
    fn missing_and_ignored_atoms_are_constants() {
        assert_eq!(normalize_requires(&RichNode::And(vec![atom(1), atom(9)]), &Same), Clauses::False);
        assert_eq!(normalize_requires(&RichNode::And(vec![atom(1), atom(8)]), &Same), all(&[(&[], &[1])]));
        // Of a set operation only the first name counts.
        assert_eq!(normalize_requires(&RichNode::With(vec![atom(8), atom(1)]), &Same), Clauses::True);
        assert_eq!(normalize_requires(&RichNode::With(vec![atom(1), atom(8)]), &Same), Clauses::False);
    }

    #[test]
    fn a_normal_form_that_explodes_is_given_up() {
        // Thirty pairs to choose from, in a form that multiplies them out.
        let pairs = (0..30).map(|i| RichNode::And(vec![atom(10 + 2 * i), atom(11 + 2 * i)])).collect();
        assert_eq!(normalize_requires(&RichNode::Or(pairs), &Same), Clauses::TooLarge);
    }
}
