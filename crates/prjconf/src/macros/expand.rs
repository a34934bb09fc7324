//! Macro expansion of one text.

use super::budget::Budget;
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::builtin::{Builtin, unquote};
use super::table::{Body, Macro, MacroTable, Saved};
use super::token::{BraceHint, Parts, Test, Token, TokenKind, next_token, parts};
use crate::expr;
use crate::text::{find_byte, is_word, join_words, trim_start};

/// Tokens one text may have before the next is an error.
const MAX_TOKENS: u32 = 1001;

/// Expands texts with a macro table and collects the messages this causes.
#[derive(Debug)]
pub(crate) struct Expander<'t> {
    pub(crate) table: &'t mut MacroTable,
    pub(crate) messages: &'t mut Vec<Vec<u8>>,
    pub(crate) budget: &'t mut Budget,
    /// Tokens the text that is expanded at the moment has used up, those of the texts around it included.
    tokens: u32,
    nesting: usize,
    /// The words of a macro's arguments are collected, so `%quote` has to protect blanks.
    pub(crate) is_quoting: bool,
}

/// A text that is being scanned: what is left of it, and what to undo when it is finished.
struct Frame<'a> {
    text: FrameText<'a>,
    pos: usize,
    end: usize,
    undo: Option<(Saved, Vec<Vec<u8>>)>,
}

#[derive(Clone)]
enum FrameText<'a> {
    Borrowed(&'a [u8]),
    Body(Body),
}

impl FrameText<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Body(body) => body.bytes(),
        }
    }
}

/// What to do after a token.
enum Step<'a> {
    /// Go on behind this position of the current text.
    Continue(usize),
    /// Scan another text, then go on behind the position.
    Push(Frame<'a>, usize),
    /// The current text is finished.
    Finish,
}

impl<'t> Expander<'t> {
    pub(crate) fn new(table: &'t mut MacroTable, messages: &'t mut Vec<Vec<u8>>, budget: &'t mut Budget) -> Self {
        Self { table, messages, budget, tokens: 0, nesting: 0, is_quoting: false }
    }

    /// Expands a text and appends the outcome; starts a new token count.
    pub(crate) fn expand_into(&mut self, text: &[u8], out: &mut Vec<u8>) {
        self.tokens = 0;
        self.run(text, out);
    }

    /// Expands a text inside another expansion: the token count is inherited, but not passed back.
    pub(crate) fn expand_inner(&mut self, text: &[u8]) -> Vec<u8> {
        if find_byte(text, 0, b'%').is_none() {
            return text.to_vec();
        }
        if !self.enter() {
            self.error("macro too deeply nested");
            return b"MACRO".to_vec();
        }
        let tokens = self.tokens;
        let mut out = Vec::new();
        self.run(text, &mut out);
        self.tokens = tokens;
        self.leave();
        out
    }

    /// Starts something nested, an expansion or a bracket of an expression; false if that is too deep.
    pub(crate) fn enter(&mut self) -> bool {
        let fits = self.nesting < self.budget.max_nesting();
        self.nesting += usize::from(fits);
        fits
    }

    /// Ends what [`Self::enter`] started.
    pub(crate) fn leave(&mut self) {
        self.nesting -= 1;
    }

    pub(crate) fn error(&mut self, message: &str) {
        self.messages.push(message.as_bytes().to_vec());
    }

    pub(crate) fn error_bytes(&mut self, message: Vec<u8>) {
        self.messages.push(message);
    }

    fn run(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if self.budget.left() == 0 {
            return self.error("macro expansion is too large");
        }
        let first = Frame { text: FrameText::Borrowed(text), pos: 0, end: text.len(), undo: None };
        let mut waiting: Vec<Frame<'_>> = Vec::new();
        let mut current = Some(first);
        let limit = out.len().saturating_add(self.budget.max_text_bytes());
        while let Some(mut frame) = current.take() {
            match self.scan(&mut frame, out) {
                Some(pushed) => {
                    waiting.push(frame);
                    current = Some(pushed);
                }
                None => {
                    self.undo(frame);
                    current = waiting.pop();
                }
            }
            if out.len() > limit || self.budget.left() == 0 {
                self.give_up(current.take(), waiting, out, limit);
                return;
            }
        }
    }

    fn undo(&mut self, frame: Frame<'_>) {
        if let Some((saved, outer)) = frame.undo {
            self.table.unbind(saved, outer);
        }
    }

    fn give_up<'a>(
        &mut self,
        current: Option<Frame<'a>>,
        mut waiting: Vec<Frame<'a>>,
        out: &mut Vec<u8>,
        limit: usize,
    ) {
        self.error("macro expansion is too large");
        out.truncate(limit);
        if let Some(frame) = current {
            self.undo(frame);
        }
        while let Some(frame) = waiting.pop() {
            self.undo(frame);
        }
    }

    /// Scans a text until it ends (`None`) or another has to be scanned first.
    fn scan<'a>(&mut self, frame: &mut Frame<'a>, out: &mut Vec<u8>) -> Option<Frame<'a>> {
        let text = frame.text.clone();
        let bytes = text.bytes().get(..frame.end).unwrap_or_default();
        let mut hint = BraceHint::default();
        let start_len = out.len();
        loop {
            let Some(token) = next_token(bytes, frame.pos, &mut hint) else {
                out.extend_from_slice(bytes.get(frame.pos..).unwrap_or_default());
                self.budget.spend(out.len() - start_len);
                return None;
            };
            let prefix = bytes.get(frame.pos..token.start).unwrap_or_default();
            if self.tokens >= MAX_TOKENS {
                self.error("macro too deeply nested");
                out.extend_from_slice(b"MACRO");
                return None;
            }
            out.extend_from_slice(prefix);
            self.tokens += 1;
            let around = Around { text: &text, bytes, prefix, token };
            match self.token(&around, out) {
                Step::Continue(pos) => frame.pos = pos,
                Step::Finish => {
                    self.budget.spend(out.len() - start_len);
                    return None;
                }
                Step::Push(pushed, pos) => {
                    frame.pos = pos;
                    self.budget.spend(out.len() - start_len + pushed.end.saturating_sub(pushed.pos) + 16);
                    return Some(pushed);
                }
            }
            if out.len() - start_len > self.budget.max_text_bytes() {
                self.budget.spend(out.len() - start_len);
                return None;
            }
        }
    }

    fn token<'a>(&mut self, around: &Around<'_, 'a>, out: &mut Vec<u8>) -> Step<'a> {
        let token = around.token;
        match token.kind {
            TokenKind::Percent => {
                out.push(b'%');
                Step::Continue(token.end)
            }
            TokenKind::Shell => {
                self.error("cannot expand %(...)");
                out.extend_from_slice(b"MACRO");
                Step::Finish
            }
            TokenKind::Expression => {
                out.extend_from_slice(&self.bracket_expression(around.rest()));
                Step::Finish
            }
            TokenKind::Bare | TokenKind::Braced => self.named(around, out),
        }
    }

    /// `%[…]`: the expression reaches to the end of the text.
    ///
    /// The peer's bracket scanner never finds the closing bracket; configurations rely on the outcome.
    fn bracket_expression(&mut self, rest: &[u8]) -> Vec<u8> {
        let inside = match rest.strip_suffix(b"]\n") {
            Some(inside) => Cow::Owned([inside, b"\n"].concat()),
            None => Cow::Borrowed(rest.strip_suffix(b"]").unwrap_or(rest)),
        };
        if !self.enter() {
            self.error("macro too deeply nested");
            return Vec::new();
        }
        let tokens = self.tokens;
        let value = expr::evaluate_value_form(&inside, self);
        self.tokens = tokens;
        self.leave();
        value
    }

    fn named<'a>(&mut self, around: &Around<'_, 'a>, out: &mut Vec<u8>) -> Step<'a> {
        let token = around.token;
        let braced = token.kind == TokenKind::Braced;
        let inside = around.bytes.get(token.inside.0..token.inside.1).unwrap_or_default();
        let parts = parts(inside, braced);
        match parts.name {
            b"define" | b"global" => {
                let data = match (braced, parts.alternative) {
                    (false, _) => around.rest(),
                    (true, None) => parts.data,
                    (true, Some(_)) => &[],
                };
                self.define(data, parts.name == b"global");
                return if braced { Step::Continue(token.end) } else { Step::Finish };
            }
            b"dnl" => {
                let next_line = find_byte(around.bytes, token.end, b'\n').map(|position| position + 1);
                return next_line.map_or(Step::Finish, Step::Continue);
            }
            _ => {}
        }
        let builtin = Builtin::from_name(parts.name);
        let found = if builtin.is_some() { None } else { self.table.look_up(parts.name) };
        if builtin.is_none() && found.is_none() {
            return self.undefined(around, &parts, out);
        }
        if parts.test == Test::IfUndefined {
            return Step::Continue(token.end);
        }
        match (builtin, found) {
            (Some(builtin), _) => self.builtin(builtin, around, &parts, out),
            (None, Some(found)) if found.options.is_some() => self.parametric(found, around, &parts),
            (None, Some(found)) => Self::plain(found, around, &parts, out),
            (None, None) => Step::Continue(token.end),
        }
    }

    fn undefined<'a>(&mut self, around: &Around<'_, 'a>, parts: &Parts<'_>, out: &mut Vec<u8>) -> Step<'a> {
        let token = around.token;
        match (parts.test, parts.alternative) {
            (Test::None, _) => {
                self.table.note_undefined(parts.name);
                out.extend_from_slice(around.bytes.get(token.start..token.end).unwrap_or_default());
                Step::Continue(token.end)
            }
            (Test::IfUndefined, Some(_)) => around.push_alternative(parts),
            _ => Step::Continue(token.end),
        }
    }

    fn plain<'a>(found: Macro, around: &Around<'_, 'a>, parts: &Parts<'_>, out: &mut Vec<u8>) -> Step<'a> {
        let token = around.token;
        if parts.test != Test::None
            && let Some(alternative) = parts.alternative
        {
            if find_byte(alternative, 0, b'%').is_some() {
                return around.push_alternative(parts);
            }
            out.extend_from_slice(alternative);
            return Step::Continue(token.end);
        }
        if !found.is_literal {
            return Step::Push(Frame::of_body(found.body, None), token.end);
        }
        out.extend_from_slice(found.body.bytes());
        Step::Continue(token.end)
    }

    fn builtin<'a>(
        &mut self,
        builtin: Builtin,
        around: &Around<'_, 'a>,
        parts: &Parts<'_>,
        out: &mut Vec<u8>,
    ) -> Step<'a> {
        let arguments = self.arguments(around, parts);
        let behind = around.behind();
        if builtin == Builtin::Expand {
            let text = arguments.into_iter().next().unwrap_or_default();
            return Step::Push(Frame::of_body(Body::Shared(text.into()), None), behind);
        }
        builtin.call(&arguments, self, out);
        Step::Continue(behind)
    }

    /// Collecting the arguments may define the macro anew; then the new definition is called.
    fn parametric<'a>(&mut self, found: Macro, around: &Around<'_, 'a>, parts: &Parts<'_>) -> Step<'a> {
        let words = self.arguments(around, parts);
        let Macro { options, body, .. } = self.table.look_up(parts.name).unwrap_or(found);
        let bound = bind_arguments(parts.name, options.as_deref().unwrap_or_default(), &words);
        let outer = self.table.bound_names();
        let saved = self.table.bind(bound);
        Step::Push(Frame::of_body(body, Some((saved, outer))), around.behind())
    }

    /// The arguments of a built-in or parametric macro.
    fn arguments(&mut self, around: &Around<'_, '_>, parts: &Parts<'_>) -> Vec<Vec<u8>> {
        if let Some(alternative) = parts.alternative {
            return vec![self.expand_inner(alternative)];
        }
        let raw = if around.token.kind == TokenKind::Braced { parts.data } else { around.bare_arguments() };
        let was_quoting = std::mem::replace(&mut self.is_quoting, true);
        let text = self.expand_inner(raw);
        self.is_quoting = was_quoting;
        let words: Vec<Vec<u8>> = crate::text::words(&text).map(unquote).collect();
        self.budget.spend(text.len() + words.len() * 32);
        words
    }

    /// `%define` and `%global`: a name, perhaps `(options)`, and the body.
    fn define(&mut self, data: &[u8], expand_now: bool) {
        let data = trim_start(data);
        let name_len = data.iter().take_while(|byte| is_word(**byte)).count();
        let (name, mut rest) = data.split_at(name_len);
        if name.is_empty() {
            return;
        }
        let mut options = None;
        if let Some(inside) = rest.strip_prefix(b"(")
            && let Some(close) = find_byte(inside, 0, b')')
        {
            options = inside.get(..close).map(Into::into);
            rest = inside.get(close + 1..).unwrap_or_default();
        }
        let body = trim_start(rest);
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        let value = if expand_now { self.expand_inner(body) } else { body.to_vec() };
        if !self.budget.spend(value.len()) {
            return;
        }
        self.table.define(name, Macro::new(options, Body::Shared(value.into())));
    }
}

/// A token and the text it stands in.
struct Around<'b, 'a> {
    text: &'b FrameText<'a>,
    bytes: &'b [u8],
    /// What stands between the previous token of this text and this one.
    prefix: &'b [u8],
    token: Token,
}

impl<'a> Around<'_, 'a> {
    /// The text behind the token.
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.token.end..).unwrap_or_default()
    }

    /// Where a text goes on after a macro with arguments: a bare one has taken everything.
    fn behind(&self) -> usize {
        if self.token.kind == TokenKind::Braced { self.token.end } else { self.bytes.len() }
    }

    /// The argument text of a bare macro: the rest, if it is one line.
    ///
    /// If it is not, the peer uses what its previous match left behind; so do we.
    fn bare_arguments(&self) -> &[u8] {
        let rest = trim_start(self.rest());
        let line = rest.strip_suffix(b"\n").unwrap_or(rest);
        if find_byte(line, 0, b'\n').is_none() {
            return line;
        }
        let tested = self.bytes.get(self.token.inside.0).is_some_and(|byte| matches!(byte, b'?' | b'!'));
        if tested { &[] } else { self.prefix }
    }

    /// Scans the alternative of the token next; its bytes are shared with the current text.
    fn push_alternative(&self, parts: &Parts<'_>) -> Step<'a> {
        let end = self.token.inside.1;
        let pos = end - parts.data.len();
        Step::Push(Frame { text: self.text.clone(), pos, end, undo: None }, self.token.end)
    }
}

impl Frame<'_> {
    fn of_body(body: Body, undo: Option<(Saved, Vec<Vec<u8>>)>) -> Self {
        let end = body.bytes().len();
        Frame { text: FrameText::Body(body), pos: 0, end, undo }
    }
}

/// The macros a call binds, by name.
type Bound = BTreeMap<Vec<u8>, Vec<u8>>;

/// The argument macros of a call: `0`, `1`…, `#`, `*`, `**` and the options.
///
/// Rule: the first `%` of each value is doubled, so that a value is not expanded again; later ones are not.
fn bind_arguments(name: &[u8], options: &[u8], words: &[Vec<u8>]) -> Bound {
    let mut bound = Bound::new();
    bound.insert(b"**".to_vec(), join_words(words.iter().map(Vec::as_slice)));
    bound.insert(b"0".to_vec(), name.to_vec());
    let mut rest = words.iter();
    let mut positional: Vec<&[u8]> = Vec::new();
    while let Some(word) = rest.next() {
        if word == b"--" {
            break;
        }
        let Some(cluster) = word.strip_prefix(b"-") else {
            positional.push(word);
            break;
        };
        bind_cluster(cluster, options, &mut rest, &mut bound);
    }
    positional.extend(rest.map(Vec::as_slice));
    for (index, word) in positional.iter().enumerate() {
        bound.insert((index + 1).to_string().into_bytes(), word.to_vec());
    }
    bound.insert(b"#".to_vec(), positional.len().to_string().into_bytes());
    bound.insert(b"*".to_vec(), join_words(positional.iter().copied()));
    for value in bound.values_mut() {
        if let Some(position) = find_byte(value, 0, b'%') {
            value.insert(position, b'%');
        }
    }
    bound
}

/// Binds the letters of one word of options; a letter that takes a value ends it.
fn bind_cluster(cluster: &[u8], options: &[u8], rest: &mut std::slice::Iter<'_, Vec<u8>>, bound: &mut Bound) {
    let takes_value = |letter: u8| options.windows(2).any(|pair| pair == [letter, b':']);
    for (index, &letter) in cluster.iter().enumerate() {
        if !takes_value(letter) {
            bound.insert(vec![b'-', letter], vec![b'-', letter]);
            continue;
        }
        let attached = cluster.get(index + 1..).unwrap_or_default();
        let value = if attached.is_empty() { rest.next().cloned().unwrap_or_default() } else { attached.to_vec() };
        bound.insert(vec![b'-', letter], [b"-", &[letter][..], b" ", &value].concat());
        bound.insert(vec![b'-', letter, b'*'], value);
        return;
    }
}
