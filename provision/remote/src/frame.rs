//! What a run says, as pieces that know where they belong. They lie in the file of a run as they go over the wire,
//! so that an offset in the one is an offset in the other.

/// The first byte of every piece: no text begins with it, so pieces can be told from what a program says by itself.
pub(crate) const MARK: u8 = 0;
/// The mark, the kind, the length in four bytes.
pub(crate) const HEADER: usize = 6;
/// Longer texts are cut into several pieces.
const MOST: usize = 1 << 16;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For standard output.
    Output,
    /// For standard error.
    Errors,
    /// For the program on the operator's side alone: a JSON object with a field `event`.
    Event,
    /// The exit code in decimal; the last piece of a run.
    Exit,
}

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where it belongs.
    pub kind: Kind,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Something that is no piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Torn;

impl Kind {
    fn letter(self) -> u8 {
        match self {
            Self::Output => b'o',
            Self::Errors => b'e',
            Self::Event => b'v',
            Self::Exit => b'x',
        }
    }

    fn of_letter(letter: u8) -> Option<Self> {
        [Self::Output, Self::Errors, Self::Event, Self::Exit]
            .into_iter()
            .find(|kind| kind.letter() == letter)
    }

    /// A text of this kind as pieces.
    pub fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let mut all = Vec::with_capacity(bytes.len() + HEADER);
        for piece in bytes.chunks(MOST) {
            all.extend([MARK, self.letter()]);
            all.extend((piece.len() as u32).to_be_bytes());
            all.extend(piece);
        }
        all
    }
}

/// Takes bytes as they come and gives whole pieces.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: Vec<u8>,
    taken: u64,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// The next piece, when all of it is there.
    pub fn next(&mut self) -> Result<Option<Frame>, Torn> {
        let Some(length) = length_of(&self.buffer)? else {
            return Ok(None);
        };
        if self.buffer.len() < length {
            return Ok(None);
        }
        let kind = Kind::of_letter(self.buffer[1]).ok_or(Torn)?;
        let piece: Vec<u8> = self.buffer.drain(..length).collect();
        self.taken += length as u64;
        Ok(Some(Frame {
            kind,
            bytes: piece[HEADER..].to_vec(),
        }))
    }

    /// Bytes of whole pieces that were given out: where to go on from.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}

/// The length of the piece that begins here, header included, when the header is whole.
pub(crate) fn length_of(bytes: &[u8]) -> Result<Option<usize>, Torn> {
    match bytes {
        [MARK, letter, a, b, c, d, ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if length > MOST || Kind::of_letter(*letter).is_none() {
                return Err(Torn);
            }
            Ok(Some(length + HEADER))
        }
        [first, ..] if *first != MARK => Err(Torn),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(decoder: &mut Decoder) -> Vec<Frame> {
        std::iter::from_fn(|| decoder.next().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_was_cut_anywhere_comes_out_whole(
            texts in prop::collection::vec((0usize..4, prop::collection::vec(any::<u8>(), 1..300)), 0..8),
            step in 1usize..50,
        ) {
            let kinds = [Kind::Output, Kind::Errors, Kind::Event, Kind::Exit];
            let expected: Vec<Frame> = texts.iter()
                .map(|(kind, bytes)| Frame { kind: kinds[*kind], bytes: bytes.clone() }).collect();
            let wire: Vec<u8> = expected.iter().flat_map(|frame| frame.kind.encode(&frame.bytes)).collect();
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for piece in wire.chunks(step) {
                decoder.push(piece);
                found.extend(all(&mut decoder));
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(decoder.taken(), wire.len() as u64);
        }

        #[test]
        fn garbage_is_told_and_never_allocated_for(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }
    }

    #[test]
    fn a_long_text_is_several_pieces() {
        let text = vec![b'a'; MOST * 2 + 1];
        let mut decoder = Decoder::default();
        decoder.push(&Kind::Output.encode(&text));
        let found = all(&mut decoder);
        assert_eq!(found.len(), 3);
        assert_eq!(found.iter().flat_map(|frame| &frame.bytes).count(), text.len());
    }
}
