//! The superblock of ext2, ext3 and ext4.

use serde::Serialize;

/// Where it lies on the device, and how long it is.
pub(crate) const OFFSET: u64 = 1024;
pub(crate) const LENGTH: usize = 1024;

/// Superblock of an ext filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ext {
    /// Volume label.
    pub label: String,
    /// Volume UUID, as `blkid` prints it.
    pub uuid: String,
    /// Bytes of one block.
    pub block_size: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// Whether it has extents, which makes it ext4.
    pub ext4: bool,
    /// Whether the kernel noted an error in it.
    pub errors: bool,
}

/// Offsets and bits of linux/fs/ext4/ext4.h, struct ext4_super_block.
mod layout {
    pub const BLOCKS_LOW: usize = 0x04;
    pub const LOG_BLOCK_SIZE: usize = 0x18;
    pub const MAGIC: usize = 0x38;
    pub const STATE: usize = 0x3A;
    pub const INCOMPATIBLE: usize = 0x60;
    pub const UUID: usize = 0x68;
    pub const LABEL: usize = 0x78;
    pub const BLOCKS_HIGH: usize = 0x150;

    pub const MAGIC_NUMBER: u16 = 0xEF53;
    pub const STATE_ERRORS: u16 = 0x2;
    pub const HAS_EXTENTS: u32 = 0x40;
    pub const IS_64_BIT: u32 = 0x80;
}

impl Ext {
    /// Bytes that the filesystem takes.
    pub fn bytes(&self) -> u64 {
        self.block_size.saturating_mul(self.blocks)
    }

    /// Reads a superblock; `None` where there is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if half(layout::MAGIC)? != layout::MAGIC_NUMBER {
            return None;
        }
        let features = word(layout::INCOMPATIBLE)?;
        let high = if features & layout::IS_64_BIT != 0 {
            word(layout::BLOCKS_HIGH)?
        } else {
            0
        };
        let label = bytes.get(layout::LABEL..layout::LABEL + 16)?;
        let label = label.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(Self {
            label: super::file::escape(label),
            uuid: print_uuid(bytes.get(layout::UUID..layout::UUID + 16)?),
            // More than 64 KiB a block is no ext filesystem.
            block_size: 1024u64
                .checked_shl(word(layout::LOG_BLOCK_SIZE)?)
                .filter(|size| (1024..=65536).contains(size))?,
            blocks: u64::from(high) << 32 | u64::from(word(layout::BLOCKS_LOW)?),
            ext4: features & layout::HAS_EXTENTS != 0,
            errors: half(layout::STATE)? & layout::STATE_ERRORS != 0,
        })
    }
}

fn print_uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use proptest::prelude::*;

    #[test]
    fn what_mkfs_writes_is_read() {
        let image = tempfile::NamedTempFile::new().expect("a file");
        image.as_file().set_len(8 << 20).expect("a size");
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        Command::new("/usr/sbin/mkfs.ext4")
            .args(["-q", "-b", "4096", "-L", "appl-data", "-U", uuid])
            .arg(image.path().to_string_lossy())
            .run()
            .expect("mkfs.ext4");
        let bytes = std::fs::read(image.path()).expect("the image");
        let ext = Ext::parse(&bytes[OFFSET as usize..][..LENGTH]).expect("a superblock");
        assert_eq!(
            (ext.label.as_str(), ext.uuid.as_str(), ext.bytes()),
            ("appl-data", uuid, 8 << 20)
        );
        assert!(ext.ext4 && !ext.errors);
    }

    #[test]
    fn zeros_are_no_filesystem() {
        assert_eq!(Ext::parse(&[0; LENGTH]), None);
        assert_eq!(Ext::parse(&[]), None);
    }

    proptest! {
        #[test]
        fn no_superblock_makes_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0x3A..400)) {
            bytes[layout::MAGIC..layout::MAGIC + 2].copy_from_slice(&layout::MAGIC_NUMBER.to_le_bytes());
            let _ = Ext::parse(&bytes);
        }
    }
}
