//! Many short lists of numbers in one buffer.

use super::codec::{Decoder, Encoder, PoolFileError, ensure};

/// Rows of numbers, appended once and read by row number.
#[derive(Debug, Clone)]
pub(crate) struct Csr {
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl Csr {
    pub(crate) fn new() -> Self {
        Self { starts: vec![0], values: Vec::new() }
    }

    /// Appends a row and gives its number.
    ///
    /// Beyond 2^32 values all further rows are empty.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = u32>) -> u32 {
        let number = self.starts.len() as u32 - 1;
        self.values.extend(row);
        if let Ok(end) = u32::try_from(self.values.len()) {
            self.starts.push(end);
        } else {
            self.values.truncate(self.starts.last().map_or(0, |start| *start as usize));
            self.starts.push(self.values.len() as u32);
        }
        number
    }

    /// The rows of `count` groups from pairs (group, value), each row in the order of the pairs.
    pub(crate) fn grouped(count: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0_u32; count + 1];
        for (group, _) in pairs {
            starts[*group as usize + 1] += 1;
        }
        for group in 0..count {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut values = vec![0; pairs.len()];
        for (group, value) in pairs {
            let slot = &mut next[*group as usize];
            values[*slot as usize] = *value;
            *slot += 1;
        }
        Self { starts, values }
    }

    pub(crate) fn row(&self, number: u32) -> &[u32] {
        let number = number as usize;
        &self.values[self.starts[number] as usize..self.starts[number + 1] as usize]
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    pub(crate) fn bytes(&self) -> usize {
        4 * (self.starts.capacity() + self.values.capacity())
    }

    pub(super) fn values(&self) -> &[u32] {
        &self.values
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.numbers(&self.starts);
        out.numbers(&self.values);
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, PoolFileError> {
        let (starts, values) = (input.words()?, input.words()?);
        let fits = starts.first() == Some(&0)
            && starts.last().is_some_and(|end| *end as usize == values.len())
            && starts.is_sorted();
        ensure(fits, "rows")?;
        Ok(Self { starts, values })
    }
}
