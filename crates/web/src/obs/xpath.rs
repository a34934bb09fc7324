//! The conditions of searches: a small part of XPath, over the documents that are searched.
//!
//! Paths of names with an attribute at their end, `=`, `!=`, `contains`, `starts-with`, `ends-with`, `and`, `or`, `not`,
//! parentheses. Everything else is refused by name. Read [`parse`] first.

use super::error::ObsError;
use super::xml::Node;

/// Longest condition, in bytes.
const MAX_BYTES: usize = 8192;
/// How deeply conditions may be nested.
const MAX_DEPTH: usize = 24;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// One of them holds.
    Any(Vec<Self>),
    /// All of them hold.
    All(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// Something at the path compares so with the text.
    Compare(Path, Comparison, String),
    /// There is something at the path.
    Exists(Path),
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Differs,
    Contains,
    StartsWith,
    EndsWith,
}

/// Names of elements from the document's root down, then an attribute's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path {
    elements: Vec<String>,
    attribute: Option<String>,
}

/// Reads a condition.
///
/// # Errors
/// 400 that names what can not be read, or is not known here.
pub(super) fn parse(text: &str) -> Result<Condition, ObsError> {
    if text.len() > MAX_BYTES {
        return Err(ObsError::invalid(format!("a condition is longer than {MAX_BYTES} bytes")));
    }
    let text = text.trim();
    // The whole may stand in brackets.
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(token) => Err(unknown(token)),
    }
}

impl Condition {
    /// Whether it holds for a document.
    pub(super) fn holds(&self, document: &Node) -> bool {
        match self {
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(document)),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(document)),
            Self::Not(condition) => !condition.holds(document),
            Self::Exists(path) => !path.values(document).is_empty(),
            Self::Compare(path, comparison, wanted) => {
                path.values(document).iter().any(|found| comparison.holds(found, wanted))
            }
        }
    }

    /// The text that an attribute of the root must have for the condition to hold, if there is just one.
    pub(super) fn required(&self, attribute: &str) -> Option<&str> {
        match self {
            Self::All(conditions) => conditions.iter().find_map(|condition| condition.required(attribute)),
            Self::Compare(path, Comparison::Equal, text)
                if path.elements.is_empty() && path.attribute.as_deref() == Some(attribute) =>
            {
                Some(text)
            }
            _ => None,
        }
    }
}

impl Comparison {
    fn holds(self, found: &str, wanted: &str) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::Differs => found != wanted,
            Self::Contains => found.contains(wanted),
            Self::StartsWith => found.starts_with(wanted),
            Self::EndsWith => found.ends_with(wanted),
        }
    }
}

impl Path {
    fn values<'a>(&self, document: &'a Node) -> Vec<&'a str> {
        let mut nodes = vec![document];
        for name in &self.elements {
            nodes = nodes.into_iter().flat_map(|node| node.children_called(name)).collect();
        }
        match &self.attribute {
            Some(name) => nodes.into_iter().filter_map(|node| node.attribute(name)).collect(),
            None => nodes.into_iter().map(Node::text).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
    Differs,
}

fn unknown(token: &Token) -> ObsError {
    let shown = match token {
        Token::Word(text) | Token::Text(text) => text.chars().take(40).collect(),
        Token::Sign(sign) => sign.to_string(),
        Token::Differs => "!=".to_owned(),
    };
    ObsError::not_yet(format_args!("conditions with {shown:?} at this place"))
}

fn tokens(text: &str) -> Result<Vec<Token>, ObsError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || "-_.:".contains(c);
        let end = if first == '\'' || first == '"' {
            let inside = rest.get(1..).unwrap_or_default();
            let length = inside.find(first).ok_or_else(|| ObsError::invalid("a text in a condition does not end"))?;
            tokens.push(Token::Text(inside.get(..length).unwrap_or_default().to_owned()));
            length + 2
        } else if rest.starts_with("!=") {
            tokens.push(Token::Differs);
            2
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest.get(..length).unwrap_or_default().to_owned()));
            length
        } else {
            tokens.push(Token::Sign(first));
            first.len_utf8()
        };
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, ObsError> {
        let token = self.peek().cloned().ok_or_else(|| ObsError::invalid("a condition ends too early"))?;
        self.at += 1;
        Ok(token)
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn needs(&mut self, sign: char) -> Result<(), ObsError> {
        match self.next()? {
            Token::Sign(found) if found == sign => Ok(()),
            other => Err(unknown(&other)),
        }
    }

    fn any(&mut self) -> Result<Condition, ObsError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ObsError::invalid("a condition is nested too deeply"));
        }
        let mut list = vec![self.all()?];
        while self.takes_word("or") {
            list.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Condition::Any(list) })
    }

    fn all(&mut self) -> Result<Condition, ObsError> {
        let mut list = vec![self.one()?];
        while self.takes_word("and") {
            list.push(self.one()?);
        }
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Condition::All(list) })
    }

    fn one(&mut self) -> Result<Condition, ObsError> {
        if self.takes(&Token::Sign('(')) {
            let inside = self.any()?;
            self.needs(')')?;
            return Ok(inside);
        }
        if let (Some(Token::Word(name)), Some(Token::Sign('('))) = (self.peek(), self.tokens.get(self.at + 1)) {
            let name = name.clone();
            self.at += 2;
            return self.function(&name);
        }
        let path = self.path()?;
        let comparison = match self.peek() {
            Some(Token::Sign('=')) => Comparison::Equal,
            Some(Token::Differs) => Comparison::Differs,
            _ => return Ok(Condition::Exists(path)),
        };
        self.at += 1;
        Ok(Condition::Compare(path, comparison, self.text()?))
    }

    /// The name and the opening parenthesis are behind.
    fn function(&mut self, name: &str) -> Result<Condition, ObsError> {
        let comparison = match name {
            "not" => {
                let inside = self.any()?;
                self.needs(')')?;
                return Ok(Condition::Not(Box::new(inside)));
            }
            "contains" => Comparison::Contains,
            "starts-with" => Comparison::StartsWith,
            "ends-with" => Comparison::EndsWith,
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(ObsError::not_yet(format_args!("the function {other:?} of conditions")));
            }
        };
        let path = self.path()?;
        self.needs(',')?;
        let text = self.text()?;
        self.needs(')')?;
        Ok(Condition::Compare(path, comparison, text))
    }

    fn text(&mut self) -> Result<String, ObsError> {
        match self.next()? {
            Token::Text(text) => Ok(text),
            Token::Word(number) if number.parse::<i64>().is_ok() => Ok(number),
            other => Err(unknown(&other)),
        }
    }

    fn path(&mut self) -> Result<Path, ObsError> {
        let mut path = Path::default();
        loop {
            match self.next()? {
                Token::Sign('@') => match self.next()? {
                    Token::Word(name) => {
                        path.attribute = Some(name);
                        return Ok(path);
                    }
                    other => return Err(unknown(&other)),
                },
                // The document itself, and its text.
                Token::Word(name) if name == "." && path.elements.is_empty() => {}
                Token::Word(name) => path.elements.push(name),
                other => return Err(unknown(&other)),
            }
            if !self.takes(&Token::Sign('/')) {
                return Ok(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str) -> bool {
        let person = |user: &str, role: &str| Node::new("person").with("userid", user).with("role", role);
        let document = Node::new("project")
            .with("name", "home:dev")
            .child(Node::leaf("title", "A title"))
            .child(person("dev", "maintainer"))
            .child(person("other", "reader"));
        parse(condition).unwrap().holds(&document)
    }

    #[test]
    fn what_clients_ask_is_understood() {
        for (condition, expected) in [
            ("@name = 'home:dev' or title = 'x' or description = 'x'", true),
            ("@name='home:dev'", true),
            ("[@name=\"home:dev\"]", true),
            ("contains(@name, 'dev')", true),
            ("starts-with(@name, 'dev')", false),
            ("ends-with(@name, 'dev')", true),
            ("person/@userid = 'dev' and not(@name = 'x')", true),
            ("person/@userid = 'nobody' and not(@name = 'x')", false),
            ("(person/@role = 'reader' or @name = 'x') and (title = 'A title')", true),
            ("title", true),
            ("description", false),
            ("@name != 'home:dev'", false),
            ("not(title = 'x' and @name = 'home:dev')", true),
        ] {
            assert_eq!(holds(condition), expected, "{condition}");
        }
        let condition = parse("@name = 'a' and (@project = 'b' or title = 'c')").unwrap();
        assert_eq!((condition.required("name"), condition.required("project")), (Some("a"), None));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (condition, word) in [
            ("", "ends too early"),
            ("@name = ", "ends too early"),
            ("@name = 'a", "does not end"),
            ("@name > 'a'", ">"),
            ("count(person)", "count"),
            ("//person", "/"),
            ("person[@userid='a']", "["),
            ("@name = 'a' 'b'", "b"),
            ("@name = title", "title"),
        ] {
            let refusal = format!("{:?}", parse(condition).unwrap_err());
            assert!(refusal.contains(word), "{condition}: {refusal}");
        }
        assert!(parse(&"(".repeat(1000)).is_err());
        assert!(parse(&"not(".repeat(1000)).is_err());
        assert!(parse(&"a".repeat(MAX_BYTES + 1)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[()@/='\"\\[\\], a-z!<.-]{0,60}") {
            let _known = parse(&text);
        }
    }
}
