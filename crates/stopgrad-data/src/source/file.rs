//! Files as bytes: read once, hashed, and unpacked no further than their header justifies.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::{Damage, InputFile, SourceError};
use crate::npz::MAX_EXPANSION;

/// The bytes of a file as they lie on disk.
pub(super) struct RawFile {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

impl RawFile {
    pub(super) fn read(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self { path: name, bytes }),
            Err(cause) => Err(SourceError::Unreadable { path: name, cause }),
        }
    }

    pub(super) fn input(&self) -> InputFile {
        InputFile { path: self.path.clone(), sha256: sha256_hex(&self.bytes) }
    }

    pub(super) fn damaged(&self, damage: Damage) -> SourceError {
        SourceError::Damaged { path: self.path.clone(), damage }
    }

    pub(super) fn is_gzip(&self) -> bool {
        self.bytes.starts_with(&[0x1f, 0x8b])
    }

    /// The whole content, unpacked where it is packed, when the header's claim and the length agree.
    ///
    /// `claim` reads the first `header_len` bytes and returns how long the whole has to be.
    pub(super) fn content(
        &self, header_len: usize, claim: impl Fn(&[u8]) -> Result<u64, Damage>,
    ) -> Result<Cow<'_, [u8]>, Damage> {
        let cut = |found: usize| Damage::HeaderCut { needed: header_len as u64, found: found as u64 };
        if !self.is_gzip() {
            let header = self.bytes.get(..header_len).ok_or(cut(self.bytes.len()))?;
            let (claimed, found) = (claim(header)?, self.bytes.len() as u64);
            return if claimed == found {
                Ok(Cow::Borrowed(&self.bytes))
            } else {
                Err(Damage::Length { claimed, found })
            };
        }
        let mut content = Vec::new();
        let mut unpacker = MultiGzDecoder::new(self.bytes.as_slice());
        unpack(&mut unpacker, header_len as u64, &mut content)?;
        if content.len() < header_len {
            return Err(cut(content.len()));
        }
        let claimed = claim(&content)?;
        let possible = (self.bytes.len() as u64).saturating_mul(MAX_EXPANSION);
        if claimed > possible {
            return Err(Damage::Claim { claimed, possible });
        }
        // One byte more than claimed tells a file that is too long; the vector grows with what really comes out.
        unpack(&mut unpacker, (claimed + 1).saturating_sub(header_len as u64), &mut content)?;
        let found = content.len() as u64;
        if claimed == found { Ok(Cow::Owned(content)) } else { Err(Damage::Length { claimed, found }) }
    }
}

fn unpack(unpacker: &mut MultiGzDecoder<&[u8]>, limit: u64, content: &mut Vec<u8>) -> Result<(), Damage> {
    let result = unpacker.take(limit).read_to_end(content);
    result.map(|_| ()).map_err(|cause| Damage::Gzip { unpacked: content.len() as u64, cause: cause.to_string() })
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzipped(content: &[u8]) -> RawFile {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(content).unwrap();
        RawFile { path: "test.gz".into(), bytes: packer.finish().unwrap() }
    }

    /// The first byte is the claimed length in units of a thousand.
    #[expect(clippy::unnecessary_wraps, reason = "a claim may fail, this one does not")]
    fn thousands(header: &[u8]) -> Result<u64, Damage> {
        Ok(u64::from(header[0]) * 1000)
    }

    #[test]
    fn content_has_to_be_as_long_as_claimed() {
        let mut content = vec![2u8; 2000];
        assert_eq!(gzipped(&content).content(4, thousands).unwrap(), content);
        content.push(0);
        assert_eq!(gzipped(&content).content(4, thousands), Err(Damage::Length { claimed: 2000, found: 2001 }));
        let short = gzipped(&content[..900]);
        assert_eq!(short.content(4, thousands), Err(Damage::Length { claimed: 2000, found: 900 }));
        assert_eq!(gzipped(&[2, 2]).content(4, thousands), Err(Damage::HeaderCut { needed: 4, found: 2 }));
    }

    #[test]
    fn a_bomb_is_unpacked_no_further_than_its_claim() {
        let bomb = gzipped(&vec![1u8; 50_000_000]);
        assert!(bomb.bytes.len() < 60_000);
        assert_eq!(bomb.content(4, thousands), Err(Damage::Length { claimed: 1000, found: 1001 }));
    }

    #[test]
    fn a_claim_that_no_file_of_this_size_can_keep_is_refused_first() {
        let file = gzipped(&[1u8; 100]);
        let result = file.content(4, |_| Ok(u64::MAX / 2));
        assert!(matches!(result, Err(Damage::Claim { .. })), "{result:?}");
    }

    #[test]
    fn broken_streams_are_named() {
        let mut file = gzipped(&[1u8; 1000]);
        let end = file.bytes.len() - 6;
        file.bytes[end] ^= 0xff;
        assert!(matches!(file.content(4, thousands), Err(Damage::Gzip { .. })));
    }

    #[test]
    fn hash_is_the_published_one() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    proptest! {
        #[test]
        fn damaged_gzip_never_panics_and_never_outgrows_its_claim(
            cut in any::<usize>(), at in any::<usize>(), byte in any::<u8>(),
        ) {
            let mut file = gzipped(&[&[3, 1, 4, 1][..], &[5; 2996]].concat());
            let at = at % file.bytes.len();
            file.bytes[at] = byte;
            let cut = RawFile { path: "cut".into(), bytes: file.bytes[..cut % file.bytes.len()].to_vec() };
            prop_assert!(cut.content(4, thousands).is_err());
            if let Ok(content) = file.content(4, thousands) {
                prop_assert!(content.len() <= 255_000);
            }
        }
    }
}
