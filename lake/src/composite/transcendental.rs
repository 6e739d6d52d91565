//! Natural logarithm and exponential function out of the four basic operations.
//!
//! The standard library takes them from the platform, and platforms differ in the last digit: two of them could part a tie
//! differently. The basic operations are the same everywhere, so these are too; their relative error is below 10^-14.

const LN_2: f64 = std::f64::consts::LN_2;
/// The highest power of the series of the logarithm: its argument is 0.172 at most, and 0.172^23 is below 10^-17.
const LOGARITHM_POWER_MAX: u32 = 21;
/// The highest power of the series of the exponential: its argument is 0.35 at most, and 0.35^14 / 14! is below 10^-17.
const EXPONENTIAL_POWER_MAX: u32 = 14;

/// The natural logarithm of a positive, finite number that is not below 10^-300.
pub(super) fn logarithm(value: f64) -> f64 {
    const EXPONENT_BITS: u32 = 52;
    const BIAS: i64 = 1023;
    let bits = value.to_bits();
    let mut exponent = (bits >> EXPONENT_BITS).cast_signed() - BIAS;
    let fraction = bits & ((1 << EXPONENT_BITS) - 1);
    let mut mantissa = f64::from_bits((BIAS.cast_unsigned() << EXPONENT_BITS) | fraction);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 (s + s^3/3 + s^5/5 + …) with s = (m - 1) / (m + 1).
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let (mut power, mut sum, mut odd) = (ratio, 0.0, 1);
    while odd <= LOGARITHM_POWER_MAX {
        sum += power / f64::from(odd);
        power *= square;
        odd += 2;
    }
    2.0 * sum + exponent as f64 * LN_2
}

/// The exponential function of a number from -700 to 700.
pub(super) fn exponential(value: f64) -> f64 {
    let doublings = (value / LN_2).round();
    let rest = value - doublings * LN_2;
    let (mut term, mut sum) = (1.0, 1.0);
    for power in 1..=EXPONENTIAL_POWER_MAX {
        term *= rest / f64::from(power);
        sum += term;
    }
    let factor = if doublings < 0.0 { 0.5 } else { 2.0 };
    (0..doublings.abs() as u32).fold(sum, |product, _| product * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_platform_and_with_each_other() {
        for step in 1..2_000_u32 {
            let value = f64::from(step) * f64::from(step) / 1_000.0;
            let ln = logarithm(value);
            assert!((ln - value.ln()).abs() <= 1e-14 * value.ln().abs().max(1.0), "{value}");
            assert!((exponential(ln) / value - 1.0).abs() < 1e-13, "{value}");
        }
        assert_eq!((logarithm(1.0), exponential(0.0)), (0.0, 1.0));
        assert!((exponential(-30.0) / (-30.0_f64).exp() - 1.0).abs() < 1e-13);
    }
}
