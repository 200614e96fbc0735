//! Keys that are well formed and yet no secret to anybody.

#[cfg(test)]
#[path = "weakness_tests.rs"]
mod tests;

/// Whether an RSA modulus (big-endian) has the shape of the broken generator of CVE-2017-15361 ("ROCA", Nemec et al.,
/// CCS 2017): a power of 65537 modulo every small prime. A sound modulus has it with a chance of 2⁻³⁰.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|&prime| is_power_of_65537(remainder(modulus, prime), prime))
}

/// The odd primes up to 167: those that the generator used for keys of every size.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

fn remainder(number: &[u8], modulus: u32) -> u32 {
    number.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % modulus)
}

fn is_power_of_65537(value: u32, modulus: u32) -> bool {
    let mut power = 1;
    for _ in 0..modulus {
        if power == value {
            return true;
        }
        power = power * (65537 % modulus) % modulus;
    }
    false
}

/// Whether an Ed25519 public key is a point of order 1, 2, 4 or 8, in any of its encodings: under such a key the
/// signature of zero scalar verifies for many messages (RFC 8032 §8.9 leaves the check to us).
pub(super) fn has_small_order(point: &[u8; 32]) -> bool {
    let mut unsigned = *point;
    unsigned[31] &= 0x7f; // the sign of x
    SMALL_ORDER.contains(&unsigned)
}

/// The y coordinates of the points of small order, little-endian, also as they read when not reduced.
const SMALL_ORDER: [[u8; 32]; 7] = [
    small(0),
    small(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    near_prime(0xec),
    near_prime(0xed),
    near_prime(0xee),
];

const fn small(first: u8) -> [u8; 32] {
    let mut y = [0; 32];
    y[0] = first;
    y
}

/// 2²⁵⁵ − 19 is written `ed ff … ff 7f`.
const fn near_prime(first: u8) -> [u8; 32] {
    let mut y = [0xff; 32];
    y[0] = first;
    y[31] = 0x7f;
    y
}
