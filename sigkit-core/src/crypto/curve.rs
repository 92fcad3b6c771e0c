//! Is a point on its curve? (SEC 1 §3.2.2.1, steps 2 and 3; the NIST curves have cofactor 1.)
//!
//! Both backends check this on each verification and answer as they do to a wrong signature. It is asked here once, when
//! the key is read, so that a bad key is named as such. Public keys are public: nothing here needs constant time, and no
//! verdict rests on it alone.

use crate::crypto::Curve;

/// Returns true if the affine coordinates `x` and `y`, big-endian, satisfy the equation of the curve.
pub(super) fn holds(curve: Curve, x: &[u8], y: &[u8]) -> bool {
    match curve {
        Curve::P256 => P256.holds(x, y),
        Curve::P384 => P384.holds(x, y),
        Curve::P521 => P521.holds(x, y),
    }
}

/// y² = x³ - 3x + b over the integers modulo p. Limbs are little-endian.
struct Equation<const LIMBS: usize> {
    p: [u64; LIMBS],
    b: [u64; LIMBS],
    /// -1/p modulo 2^64.
    minus_inverse: u64,
}

// SP 800-186 §3.2.1.3, §3.2.1.4 and §3.2.1.5.
const P256: Equation<4> = Equation {
    p: [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0x0000_0000_0000_0000, 0xffff_ffff_0000_0001],
    b: [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7],
    minus_inverse: 1,
};
const P384: Equation<6> = Equation {
    p: [
        0x0000_0000_ffff_ffff,
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_fffe,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ],
    b: [
        0x2a85_c8ed_d3ec_2aef,
        0xc656_398d_8a2e_d19d,
        0x0314_088f_5013_875a,
        0x181d_9c6e_fe81_4112,
        0x988e_056b_e3f8_2d19,
        0xb331_2fa7_e23e_e7e4,
    ],
    minus_inverse: 0x0000_0001_0000_0001,
};
const P521: Equation<9> = Equation {
    p: [
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0x0000_0000_0000_01ff,
    ],
    b: [
        0xef45_1fd4_6b50_3f00,
        0x3573_df88_3d2c_34f1,
        0x1652_c0bd_3bb1_bf07,
        0x5619_3951_ec7e_937b,
        0xb8b4_8991_8ef1_09e1,
        0xa2da_725b_99b3_15f3,
        0x929a_21a0_b685_40ee,
        0x953e_b961_8e1c_9a1f,
        0x0000_0000_0000_0051,
    ],
    minus_inverse: 1,
};

impl<const LIMBS: usize> Equation<LIMBS> {
    fn holds(&self, x: &[u8], y: &[u8]) -> bool {
        let (Some(x), Some(y)) = (self.coordinate(x), self.coordinate(y)) else { return false };
        let three_x = self.add(&self.add(&x, &x), &x);
        let cube = self.multiply(&self.multiply(&x, &x), &x);
        // Two products divide by R twice, so everything else is divided as often.
        let rest = self.divide(&self.divide(&self.subtract(&self.b, &three_x)));
        self.divide(&self.multiply(&y, &y)) == self.add(&cube, &rest)
    }

    /// A big-endian number, if it is below p.
    fn coordinate(&self, bytes: &[u8]) -> Option<[u64; LIMBS]> {
        let mut limbs = [0_u64; LIMBS];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks(8)) {
            *limb = chunk.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
        }
        let (_, below) = subtract(&limbs, &self.p);
        below.then_some(limbs)
    }

    fn add(&self, a: &[u64; LIMBS], b: &[u64; LIMBS]) -> [u64; LIMBS] {
        let (sum, carry) = add(a, b);
        let (reduced, borrow) = subtract(&sum, &self.p);
        if carry || !borrow { reduced } else { sum }
    }

    fn subtract(&self, a: &[u64; LIMBS], b: &[u64; LIMBS]) -> [u64; LIMBS] {
        let (difference, borrow) = subtract(a, b);
        if borrow { add(&difference, &self.p).0 } else { difference }
    }

    /// Montgomery's product: ab/R for R = 2^64 to the number of limbs, below p.
    fn multiply(&self, a: &[u64; LIMBS], b: &[u64; LIMBS]) -> [u64; LIMBS] {
        let mut sum = [0_u64; LIMBS];
        let mut top = 0_u64;
        for limb in b {
            let (above, first) = top.overflowing_add(add_product(&mut sum, a, *limb));
            // As often p as makes the lowest limb zero.
            let often = sum.first().map_or(0, |lowest| lowest.wrapping_mul(self.minus_inverse));
            let (above, second) = above.overflowing_add(add_product(&mut sum, &self.p, often));
            sum.rotate_left(1);
            if let Some(highest) = sum.last_mut() {
                *highest = above;
            }
            top = u64::from(first || second);
        }
        let (reduced, borrow) = subtract(&sum, &self.p);
        if top == 1 || !borrow { reduced } else { sum }
    }

    /// a/R.
    fn divide(&self, a: &[u64; LIMBS]) -> [u64; LIMBS] {
        let mut one = [0_u64; LIMBS];
        if let Some(lowest) = one.first_mut() {
            *lowest = 1;
        }
        self.multiply(a, &one)
    }
}

/// Adds `a` times `factor` to `sum`, and returns the limb that comes out on top.
fn add_product<const LIMBS: usize>(sum: &mut [u64; LIMBS], a: &[u64; LIMBS], factor: u64) -> u64 {
    let mut carry = 0_u64;
    for (limb, a) in sum.iter_mut().zip(a) {
        // (2^64 - 1)² + 2(2^64 - 1) is 2^128 - 1.
        let wide = u128::from(*a)
            .wrapping_mul(u128::from(factor))
            .wrapping_add(u128::from(*limb))
            .wrapping_add(u128::from(carry));
        [carry, *limb] = [high(wide), low(wide)];
    }
    carry
}

fn low(wide: u128) -> u64 {
    (wide & u128::from(u64::MAX)).try_into().unwrap_or(u64::MAX)
}

fn high(wide: u128) -> u64 {
    low(wide >> u64::BITS)
}

fn add<const LIMBS: usize>(a: &[u64; LIMBS], b: &[u64; LIMBS]) -> ([u64; LIMBS], bool) {
    chain(a, b, u64::overflowing_add)
}

fn subtract<const LIMBS: usize>(a: &[u64; LIMBS], b: &[u64; LIMBS]) -> ([u64; LIMBS], bool) {
    chain(a, b, u64::overflowing_sub)
}

/// One operation over all limbs with its carry or borrow, the last of which is returned.
fn chain<const LIMBS: usize>(
    a: &[u64; LIMBS],
    b: &[u64; LIMBS],
    operation: impl Fn(u64, u64) -> (u64, bool),
) -> ([u64; LIMBS], bool) {
    let mut result = [0_u64; LIMBS];
    let mut carry = false;
    for ((limb, a), b) in result.iter_mut().zip(a).zip(b) {
        let (partial, first) = operation(*a, *b);
        let (value, second) = operation(partial, u64::from(carry));
        *limb = value;
        carry = first || second;
    }
    (result, carry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GX: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    const GY: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    const P: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    // threat: C11
    #[test]
    fn the_generator_is_on_p256_and_its_neighbours_are_not() {
        assert!(holds(Curve::P256, &hex(GX), &hex(GY)));
        assert!(!holds(Curve::P256, &hex(GY), &hex(GX)));
        for bit in 0..256 {
            let mut y = hex(GY);
            y[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(Curve::P256, &hex(GX), &y), "bit {bit}");
        }
    }

    // threat: C11
    #[test]
    fn a_coordinate_must_be_below_p() {
        assert!(P256.coordinate(&hex(P)).is_none());
        let mut below = hex(P);
        below[31] = 0xfe;
        assert!(P256.coordinate(&below).is_some());
        assert!(P256.coordinate(&[0xff; 32]).is_none());
    }

    #[cfg(feature = "sign")]
    #[test]
    fn agrees_with_the_curve_crates_on_many_points() {
        use p256::elliptic_curve::sec1::ToSec1Point;
        macro_rules! check {
            ($krate:ident, $curve:expr, $length:expr) => {
                for scalar in 1..=40_u8 {
                    let mut bytes = [0_u8; $length];
                    bytes[$length - 1] = scalar;
                    bytes[$length / 2] = scalar.wrapping_mul(77);
                    let secret = $krate::SecretKey::from_slice(&bytes).unwrap();
                    let point = secret.public_key().to_sec1_point(false);
                    let (x, y) = point.as_bytes()[1..].split_at($length);
                    assert!(holds($curve, x, y), "{scalar}");
                    let mut wrong = x.to_vec();
                    wrong[$length - 1] ^= 1;
                    let mut whole = point.as_bytes().to_vec();
                    whole[$length] ^= 1;
                    assert_eq!(holds($curve, &wrong, y), $krate::PublicKey::from_sec1_bytes(&whole).is_ok());
                }
            };
        }
        check!(p256, Curve::P256, 32);
        check!(p384, Curve::P384, 48);
        check!(p521, Curve::P521, 66);
    }
}
