use super::Paragraph;

/// The fields of one paragraph, owned, in order, each name once whatever its case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlFields {
    fields: Vec<(String, String)>,
}

impl ControlFields {
    /// Copies a paragraph; of several fields with one name the first stays, as dpkg's tools read it.
    #[must_use]
    pub fn from_paragraph(paragraph: &Paragraph<'_>) -> Self {
        let mut copied = Self::default();
        for field in paragraph.fields() {
            if copied.get(field.name).is_none() {
                copied.fields.push((field.name.to_owned(), field.unfolded().into_owned()));
            }
        }
        copied
    }

    /// The value of a field, continuation lines with their leading blank.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a field: in its place if it exists, else at the end.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.fields.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let place = self.fields.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(self.fields.remove(place).1)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The paragraph as text, each field ended by a newline, no blank line behind.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.iter() {
            push_field(&mut text, name, value);
        }
        text
    }
}

/// Appends `name: value` and a newline.
///
/// Any value is written so that it reads back as one field: continuation lines get the blank they lack, and empty ones
/// become ` .` (policy 5.6.13). The caller answers for the name.
pub fn push_field(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push(':');
    for (number, line) in value.split('\n').enumerate() {
        let line = line.trim_end();
        if number == 0 {
            if !line.is_empty() {
                text.push(' ');
            }
            text.push_str(line);
        } else if line.trim_start().is_empty() {
            text.push_str(" .");
        } else {
            if !line.starts_with([' ', '\t']) {
                text.push(' ');
            }
            text.push_str(line);
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::paragraphs;
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let text = "Package: a\nDescription: short\n long\n .\n  indented\nFiles:\n x y\n";
        let fields = ControlFields::from_paragraph(&paragraphs(text).next().unwrap());
        assert_eq!(fields.to_text(), text);
    }

    #[test]
    fn a_hostile_value_stays_one_field() {
        let mut text = String::new();
        push_field(&mut text, "X", "a\n\nPackage: evil\r\n");
        assert_eq!(text, "X: a\n .\n Package: evil\n .\n");
        assert_eq!(paragraphs(&text).next().unwrap().fields().count(), 1);
    }

    #[test]
    fn fields_are_replaced_in_place_and_removed() {
        let mut fields = ControlFields::default();
        fields.set("A", "1");
        fields.set("B", "2");
        fields.set("a", "3");
        assert_eq!(fields.to_text(), "A: 3\nB: 2\n");
        assert_eq!(fields.remove("b").as_deref(), Some("2"));
        assert_eq!(fields.remove("b"), None);
    }

    #[test]
    fn of_repeated_fields_the_first_stays() {
        let fields = ControlFields::from_paragraph(&paragraphs("A: 1\na: 2\n").next().unwrap());
        assert_eq!(fields.to_text(), "A: 1\n");
    }
}
