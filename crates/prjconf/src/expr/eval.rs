//! Parsing and evaluating expressions in one go.
//!
//! Weakest first: `? :` (right), `&&` and `||` (one level, left), comparisons (left), `+ -` (left), `* /` (right),
//! unary `! -`, operands. Rule: Build.pm's expression parser, its associativity included.

use std::cmp::Ordering;

use super::lexer::{digits_end, function_name_end, mixed_end, mixed_string_end, string_end, word_end};
use super::number::Number;
use super::value::Value;
use crate::macros::expand::Expander;
use crate::macros::strings::StringFunction;
use crate::text::is_space;

const SYNTAX_ERROR: &str = "syntax error in expression";

/// A message for `parse_error`.
type Message = Vec<u8>;

/// The text of an expression whose macros are already expanded; errors become messages and an empty text.
pub(crate) fn evaluate_to_text(text: &[u8], expander: &mut Expander<'_>) -> Vec<u8> {
    evaluate(text, false, expander).map(Value::into_text).unwrap_or_default()
}

/// The truth of a condition whose macros are already expanded; an error makes it false.
pub(crate) fn evaluate_condition(text: &[u8], expander: &mut Expander<'_>) -> bool {
    evaluate(text, false, expander).is_some_and(|value| value.is_true())
}

/// The text of a `%[…]` expression, whose operands are expanded one by one.
pub(crate) fn evaluate_value_form(text: &[u8], expander: &mut Expander<'_>) -> Vec<u8> {
    evaluate(text, true, expander).map(Value::into_text).unwrap_or_default()
}

fn evaluate(text: &[u8], value_form: bool, expander: &mut Expander<'_>) -> Option<Value> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let last_line_feed = if value_form { body.iter().rposition(|byte| *byte == b'\n') } else { None };
    let mut parser = Parser { text, pos: 0, value_form, active: true, last_line_feed, expander };
    match parser.ternary() {
        Ok(value) => {
            parser.skip_space();
            if parser.pos < text.len() {
                parser.expander.error(SYNTAX_ERROR);
            }
            Some(value)
        }
        Err(message) => {
            parser.expander.error_bytes(message);
            None
        }
    }
}

struct Parser<'a, 'e, 't> {
    text: &'a [u8],
    pos: usize,
    /// Whether operands may contain macros.
    value_form: bool,
    /// False in a branch that is not taken: its operands count as empty in the value form. Its arithmetic is done all the same.
    active: bool,
    /// The last line feed that is not the last byte, in the value form.
    last_line_feed: Option<usize>,
    expander: &'e mut Expander<'t>,
}

impl Parser<'_, '_, '_> {
    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn peek_second(&self) -> Option<u8> {
        self.text.get(self.pos + 1).copied()
    }

    fn range(&self, start: usize, end: usize) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Parses something that is only taken if `taken`.
    fn branch(
        &mut self,
        taken: bool,
        parse: impl FnOnce(&mut Self) -> Result<Value, Message>,
    ) -> Result<Value, Message> {
        let active = self.active;
        self.active = active && taken;
        let value = parse(self);
        self.active = active;
        value
    }

    fn ternary(&mut self) -> Result<Value, Message> {
        if !self.expander.enter() {
            return Err(b"expression too deeply nested".to_vec());
        }
        let value = self.ternary_inside();
        self.expander.leave();
        value
    }

    fn ternary_inside(&mut self) -> Result<Value, Message> {
        let start = self.pos;
        let condition = self.logic()?;
        self.skip_space();
        if self.peek() != Some(b'?') {
            return Ok(condition);
        }
        self.pos += 1;
        let truth = condition.is_true();
        let yes = self.branch(truth, Self::ternary)?;
        self.skip_space();
        if self.peek() != Some(b':') {
            let level = self.text.get(start..).unwrap_or_default();
            return Err([b"syntax error while parsing ternary in ", level].concat());
        }
        self.pos += 1;
        let no = self.branch(!truth, Self::ternary)?;
        Ok(if truth { yes } else { no })
    }

    fn logic(&mut self) -> Result<Value, Message> {
        let mut left = self.comparison()?;
        loop {
            self.skip_space();
            let Some(operator @ (b'&' | b'|')) = self.peek() else { return Ok(left) };
            self.pos += 2;
            let needs_right = left.is_true() == (operator == b'&');
            let right = self.branch(needs_right, Self::comparison)?;
            if needs_right {
                left = right;
            }
        }
    }

    fn comparison(&mut self) -> Result<Value, Message> {
        let mut left = self.sum()?;
        loop {
            self.skip_space();
            let (holds, len): (fn(Ordering) -> bool, usize) = match (self.peek(), self.peek_second()) {
                (Some(b'='), _) => (Ordering::is_eq, 2),
                (Some(b'!'), Some(b'=')) => (Ordering::is_ne, 2),
                (Some(b'<'), Some(b'=')) => (Ordering::is_le, 2),
                (Some(b'>'), Some(b'=')) => (Ordering::is_ge, 2),
                (Some(b'<'), _) => (Ordering::is_lt, 1),
                (Some(b'>'), _) => (Ordering::is_gt, 1),
                _ => return Ok(left),
            };
            self.pos += len;
            let right = self.sum()?;
            left = Value::of_bool(holds(left.compare(&right)));
        }
    }

    fn sum(&mut self) -> Result<Value, Message> {
        let mut left = self.product()?;
        loop {
            self.skip_space();
            let Some(operator @ (b'+' | b'-')) = self.peek() else { return Ok(left) };
            self.pos += 1;
            let right = self.product()?;
            left = match (operator, left, right) {
                (b'+', Value::String(mut left), Value::String(right)) => {
                    left.extend_from_slice(&right);
                    Value::String(left)
                }
                (_, left, right) => arithmetic(operator, &left, &right)?,
            };
        }
    }

    /// `* /` associate to the right: `8/4/2` is 4.
    fn product(&mut self) -> Result<Value, Message> {
        let mut lefts: Vec<(Value, u8)> = Vec::new();
        let mut value = self.unary()?;
        loop {
            self.skip_space();
            self.no_half_operator()?;
            let Some(operator @ (b'*' | b'/')) = self.peek() else { break };
            self.pos += 1;
            lefts.push((value, operator));
            value = self.unary()?;
        }
        while let Some((left, operator)) = lefts.pop() {
            value = arithmetic(operator, &left, &value)?;
        }
        Ok(value)
    }

    /// A single `=`, `&` or `|` behind an operand is an error before anything is computed.
    fn no_half_operator(&self) -> Result<(), Message> {
        match self.peek() {
            Some(byte @ (b'=' | b'&' | b'|')) if self.peek_second() != Some(byte) => {
                let half = char::from(byte);
                Err(format!("syntax error while parsing {half}{half}").into_bytes())
            }
            _ => Ok(()),
        }
    }

    fn unary(&mut self) -> Result<Value, Message> {
        let mut operators: Vec<u8> = Vec::new();
        loop {
            self.skip_space();
            let Some(operator @ (b'!' | b'-')) = self.peek() else { break };
            self.pos += 1;
            operators.push(operator);
        }
        let mut value = self.operand()?;
        while let Some(operator) = operators.pop() {
            value = match (operator, value) {
                (b'!', value) => Value::of_bool(!value.is_true()),
                (_, Value::Number(number)) => Value::Number(number.negate()),
                _ => return Err(not_a_number(b'-')),
            };
        }
        Ok(value)
    }

    fn operand(&mut self) -> Result<Value, Message> {
        match self.peek() {
            Some(b'(') => self.parenthesis(),
            Some(b'%') if self.value_form => self.mixed_number(),
            Some(b'0'..=b'9') if self.value_form => self.mixed_number(),
            Some(b'0'..=b'9') => {
                let end = digits_end(self.text, self.pos);
                let number = Number::leading(self.range(self.pos, end));
                self.pos = end;
                Ok(Value::Number(number))
            }
            Some(b'"') => self.string(),
            Some(b'v') if self.peek_second() == Some(b'"') && string_end(self.text, self.pos + 2).is_some() => {
                Ok(self.version())
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => match function_name_end(self.text, self.pos) {
                Some(end) => self.function(end),
                None if byte == b'_' => Err(SYNTAX_ERROR.into()),
                None => {
                    let end = word_end(self.text, self.pos);
                    let word = self.range(self.pos, end).to_vec();
                    self.pos = end;
                    Ok(Value::String(word))
                }
            },
            _ => Err(SYNTAX_ERROR.into()),
        }
    }

    fn parenthesis(&mut self) -> Result<Value, Message> {
        self.pos += 1;
        let value = self.ternary()?;
        self.skip_space();
        if self.peek() != Some(b')') {
            return Err(b"unmatched (".to_vec());
        }
        self.pos += 1;
        Ok(value)
    }

    /// An operand of digits and macros: `0` followed by the expanded text, of which the leading number counts.
    fn mixed_number(&mut self) -> Result<Value, Message> {
        // The peer matches an operand that starts with a macro by a pattern that stops at a line feed.
        let starts_with_macro = self.peek() == Some(b'%');
        if starts_with_macro && self.last_line_feed.is_some_and(|position| position >= self.pos) {
            return Err(SYNTAX_ERROR.into());
        }
        let end = mixed_end(self.text, self.pos);
        let raw = self.range(self.pos, end).to_vec();
        self.pos = end;
        let mut text = b"0".to_vec();
        text.extend_from_slice(&self.expanded(&raw));
        Ok(Value::Number(Number::leading(&text)))
    }

    fn expanded(&mut self, raw: &[u8]) -> Vec<u8> {
        match (self.value_form, self.active) {
            (true, true) => self.expander.expand_inner(raw),
            // In a branch that is not taken every operand is empty, and so 0.
            (true, false) => Vec::new(),
            (false, _) => raw.to_vec(),
        }
    }

    fn string(&mut self) -> Result<Value, Message> {
        let start = self.pos + 1;
        let Some(mut end) = string_end(self.text, start) else { return Err(SYNTAX_ERROR.into()) };
        if self.value_form {
            end = mixed_string_end(self.text, start);
        }
        let raw = self.range(start, end).to_vec();
        self.pos = self.text.len().min(end + 1);
        Ok(Value::String(self.expanded(&raw)))
    }

    /// A version literal. In the value form its first two bytes are lost, which may include the closing quote.
    ///
    /// A defect of the peer that shows in results; kept for identical results.
    fn version(&mut self) -> Value {
        let (start, end) = if self.value_form {
            (self.pos + 4, mixed_string_end(self.text, self.pos + 4))
        } else {
            (self.pos + 2, string_end(self.text, self.pos + 2).unwrap_or(self.text.len()))
        };
        let raw = self.range(start, end).to_vec();
        self.pos = self.text.len().min(end + 1);
        Value::Version(self.expanded(&raw))
    }

    fn function(&mut self, name_end: usize) -> Result<Value, Message> {
        let name = self.range(self.pos, name_end).to_vec();
        self.pos = name_end + 1;
        let arguments = self.function_arguments()?;
        let Some(macro_name) = name.strip_prefix(b"lua:string.").filter(|name| !name.is_empty()) else {
            return Err([b"unsupported expression function ", name.as_slice()].concat());
        };
        let Some(function) = StringFunction::from_name(macro_name) else {
            return Err([b"unsupported lua macro ", macro_name].concat());
        };
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let mut result = Vec::new();
        let messages = self.expander.messages.len();
        function.call(&arguments, self.expander, &mut result);
        match self.expander.messages.drain(messages..).next() {
            Some(message) => Err(message),
            None => Ok(Value::String(result)),
        }
    }

    fn function_arguments(&mut self) -> Result<Vec<Vec<u8>>, Message> {
        let mut arguments = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b')') {
                self.pos += 1;
                return Ok(arguments);
            }
            arguments.push(self.ternary()?.into_text());
            self.skip_space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b')') => {}
                _ => return Err(b"unmatched function (".to_vec()),
            }
        }
    }
}

fn arithmetic(operator: u8, left: &Value, right: &Value) -> Result<Value, Message> {
    let (Value::Number(left), Value::Number(right)) = (left, right) else { return Err(not_a_number(operator)) };
    Ok(Value::Number(match operator {
        b'+' => left.add(*right),
        b'-' => left.subtract(*right),
        b'*' => left.multiply(*right),
        _ if right.is_zero() => return Err(b"division by zero".to_vec()),
        _ => left.divide(*right),
    }))
}

fn not_a_number(operator: u8) -> Message {
    format!("argument of {} is not a number", char::from(operator)).into_bytes()
}
