//! Interned strings in one buffer, numbered from zero.

use std::hash::Hasher as _;

use rustc_hash::FxHasher;

use super::codec::{Decoder, Encoder, PoolFileError, ensure};

/// Strings by number and numbers by string. The empty string is always number 0.
///
/// Holds at most 4 GiB of text; what would not fit becomes the empty string.
#[derive(Debug, Clone)]
pub(crate) struct StringTable {
    text: String,
    ends: Vec<u32>,
    /// Open addressing: number + 1, or 0 for a free slot. Empty once [`StringTable::freeze`] was called.
    slots: Vec<u32>,
}

impl StringTable {
    pub(crate) fn new() -> Self {
        let mut table = Self { text: String::new(), ends: Vec::new(), slots: vec![0; 64] };
        table.intern("");
        table
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        &self.text[start..self.ends[number] as usize]
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let slot = self.slot(text)?;
        self.slots[slot].checked_sub(1)
    }

    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if self.ends.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let Some(slot) = self.slot(text) else { return 0 };
        if let Some(number) = self.slots[slot].checked_sub(1) {
            return number;
        }
        let (Ok(end), Ok(number)) = (u32::try_from(self.text.len() + text.len()), u32::try_from(self.ends.len()))
        else {
            return 0;
        };
        self.text.push_str(text);
        self.ends.push(end);
        self.slots[slot] = number + 1;
        number
    }

    /// The slot of `text`, or the free one it belongs in; none for a table without slots.
    fn slot(&self, text: &str) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash(text) & mask;
        while let Some(number) = self.slots[slot].checked_sub(1) {
            if self.get(number) == text {
                break;
            }
            slot = (slot + 1) & mask;
        }
        Some(slot)
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let mut slots = vec![0; size];
        for number in 0..self.ends.len() as u32 {
            let mut slot = hash(self.get(number)) & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = number + 1;
        }
        self.slots = slots;
    }

    /// Gives unused memory back.
    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Gives up finding numbers by string as well.
    pub(crate) fn freeze(&mut self) {
        self.shrink();
        self.slots = Vec::new();
    }

    /// Whether strings can be added.
    pub(super) fn can_grow(&self) -> bool {
        !self.slots.is_empty()
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.bytes(self.text.as_bytes());
        out.numbers(&self.ends);
        out.numbers(&self.slots);
    }

    /// Reads a table; with slots or without, as it was written.
    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, PoolFileError> {
        let text = str::from_utf8(input.bytes()?).map_err(|_| PoolFileError::Damaged("text"))?;
        let (ends, slots) = (input.words()?, input.words()?);
        let fits = ends.first() == Some(&0)
            && ends.is_sorted()
            && ends.last().is_some_and(|end| *end as usize == text.len())
            && (text.is_ascii() || ends.iter().all(|end| text.is_char_boundary(*end as usize)));
        ensure(fits, "strings")?;
        // A search ends at a free slot.
        let used = slots.iter().filter(|slot| **slot != 0).count();
        let is_table = slots.len().is_power_of_two() && used.max(ends.len()) < slots.len();
        ensure(slots.is_empty() || is_table, "slots")?;
        ensure(super::codec::all_below(&slots, ends.len() + 1), "slots")?;
        Ok(Self { text: text.to_owned(), ends, slots })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + 4 * (self.ends.capacity() + self.slots.capacity())
    }
}

fn hash(text: &str) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    // The high bits are the good ones.
    (hasher.finish() >> 20) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keep_their_numbers_while_the_table_grows() {
        let mut table = StringTable::new();
        let numbers: Vec<u32> = (0..10_000).map(|i| table.intern(&format!("name{i}"))).collect();
        for (i, number) in numbers.iter().enumerate() {
            assert_eq!(table.get(*number), format!("name{i}"));
            assert_eq!(table.find(&format!("name{i}")), Some(*number));
        }
        assert_eq!(table.find("other"), None);
        assert_eq!(table.find(""), Some(0));
        table.freeze();
        assert_eq!(table.get(numbers[5]), "name5");
        assert_eq!(table.find("name5"), None);
    }
}
