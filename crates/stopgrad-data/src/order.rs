//! Which sample stands where: the order of the batches, from the seed and their number alone.

use sha2::{Digest, Sha256};

use crate::source::hex;
use crate::{random, stream};

/// Positions 0..`n` in the order of an epoch.
pub(crate) fn epoch_order(seed: u64, epoch: u64, n: usize) -> Vec<usize> {
    random::permutation(&mut stream(seed, "order", epoch), n)
}

/// SHA-256 of the positions in batches 0..`steps`, each as eight little-endian bytes, in hexadecimal.
///
/// # Panics
/// When a batch is empty or larger than `n`.
pub(crate) fn data_order_sha256(n: usize, batch_size: usize, seed: u64, steps: u64) -> String {
    assert!(batch_size > 0 && batch_size <= n, "a batch of {batch_size} from {n} samples");
    let per_epoch = (n / batch_size) as u64;
    let mut hash = Sha256::new();
    for epoch in 0..steps.div_ceil(per_epoch) {
        let batches = per_epoch.min(steps - epoch * per_epoch) as usize;
        let order = epoch_order(seed, epoch, n);
        let bytes: Vec<u8> = order[..batches * batch_size].iter().flat_map(|&p| (p as u64).to_le_bytes()).collect();
        hash.update(&bytes);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_covers_every_batch_and_nothing_more() {
        // 10 positions in batches of 4: two batches an epoch, two positions dropped.
        let base = data_order_sha256(10, 4, 0, 3);
        let mut bytes = Vec::new();
        for position in epoch_order(0, 0, 10)[..8].iter().chain(&epoch_order(0, 1, 10)[..4]) {
            bytes.extend_from_slice(&(*position as u64).to_le_bytes());
        }
        assert_eq!(base, hex(&Sha256::digest(&bytes)));
        assert_ne!(base, data_order_sha256(10, 4, 0, 4));
        assert_ne!(base, data_order_sha256(10, 4, 1, 3));
    }
}
