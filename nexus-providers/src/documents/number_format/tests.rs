use super::*;

#[track_caller]
fn check(code: &str, value: f64, expected: &str) {
    assert_eq!(NumberFormat::parse(code).number(value, Epoch::Year1900), expected, "{code}");
}

#[test]
fn decimals_percentages_and_currencies_are_written_as_shown() {
    check("0.0%", 0.075, "7.5%");
    check("0%", 0.155, "16%");
    check("\"$\"#,##0.00", 1234.5, "$1,234.50");
    check("[$€-407] #,##0.00", 1_234_567.891, "€ 1,234,567.89");
    check("#,##0.00\\ \"€\"", 0.5, "0.50 €");
    check("0.00", 2.675, "2.68");
    check("0.00", 0.125, "0.13");
    check("0", 9.5, "10");
    check("0.00", 0.004, "0.00");
    check("0.00", 0.005, "0.01");
    check("#.##", 5.0, "5.");
    check("#,##0", -1234.0, "-1,234");
    check("0.0,,\" M\"", 12_345_678.0, "12.3 M");
    check("#,##0,", 1_234_567.0, "1,235");
    check("General", 1234.5, "1234.5");
    check("General\" kg\"", 2.5, "2.5 kg");
    check("0.???", 1.5, "1.5");
}

#[test]
fn negative_numbers_zeros_and_conditions_have_their_sections() {
    check("#,##0.00_);(#,##0.00)", -250.0, "(250.00)");
    check("#,##0.00_);(#,##0.00)", 250.0, "250.00");
    check("#,##0.00_);[Red](#,##0.00);\"nil\"", 0.0, "nil");
    check("_-* #,##0.00 \"€\"_-;-* #,##0.00 \"€\"_-;_-* \"-\"?? \"€\"_-", -3.5, "-3.50 €");
    check("[<1]\"low\";[>=100]\"high\";0", 0.5, "low");
    check("[<1]\"low\";[>=100]\"high\";0", 250.0, "high");
    check("[<1]\"low\";[>=100]\"high\";0", 50.0, "50");
    check(";;;", 5.0, "");
    check("0;-0;;@", 0.0, "");
}

#[test]
fn leading_zeros_and_literals_between_digits_stay() {
    check("00000", 421.0, "00421");
    check("000-0000", 5_551_234.0, "555-1234");
    check("(000) 000-0000", 2_025_550_123.0, "(202) 555-0123");
    check("\"No. \"000", 7.0, "No. 007");
}

#[test]
fn powers_of_ten_and_fractions_are_written_as_shown() {
    check("0.00E+00", 1_234_567.0, "1.23E+06");
    check("0.00E+00", 0.000_012, "1.20E-05");
    check("0.00E+00", 9.999, "1.00E+01");
    check("##0.0E+0", 12_345.0, "12.3E+3");
    check("0E-0", 1500.0, "2E3");
    check("# ?/?", 1.5, "1 1/2");
    check("# ??/??", 3.142_857_142_857, "3 1/7");
    check("# ?/8", 2.125, "2 1/8");
    check("# ?/16", 0.5, "8/16");
    check("?/?", 1.5, "3/2");
    check("# ?/?", 2.0, "2");
    check("# ?/?", 0.999, "1");
}

#[test]
fn dates_times_and_durations_are_written_as_shown() {
    check("yyyy-mm-dd", 45_413.0, "2024-05-01");
    check("b2yyyy-mm-dd", 45_413.0, "2024-05-01");
    check("B1dd.mm.yyyy", 45_413.0, "01.05.2024");
    check("dd.mm.yyyy hh:mm", 45_413.75, "01.05.2024 18:00");
    check("d-mmm-yy", 45_413.0, "1-May-24");
    check("dddd, mmmm d, yyyy", 45_413.0, "Wednesday, May 1, 2024");
    check("[$-409]m/d/yy h:mm AM/PM;@", 45_413.0 + 13.0 / 24.0, "5/1/24 1:00 PM");
    check("h:mm A/P", 0.0, "12:00 A");
    check("[h]:mm", 1.5, "36:00");
    check("[h]:mm:ss", 2.0 + 1.0 / 86_400.0, "48:00:01");
    check("[mm]:ss", 0.5, "720:00");
    check("[h]:mm", -0.25, "-6:00");
    check("mm:ss.0", 1.25 / 86_400.0, "00:01.3");
    check("h:mm:ss", 0.999_999_999, "0:00:00");
    check("yyyy-mm-dd", 1.0, "1900-01-01");
    check("yyyy-mm-dd", 59.0, "1900-02-28");
    check("yyyy-mm-dd", 61.0, "1900-03-01");
    check("yyyy-mm-dd", -5.0, "-5");
    check("yyyy-mm-dd", 1e12, "1000000000000");
}

#[test]
fn dates_may_count_from_1904() {
    let format = NumberFormat::parse("ddd yyyy-mm-dd");
    assert_eq!(format.number(0.0, Epoch::Year1904), "Fri 1904-01-01");
    assert_eq!(format.number(43_951.0, Epoch::Year1904), format.number(45_413.0, Epoch::Year1900));
}

#[test]
fn texts_have_a_section_of_their_own() {
    assert_eq!(NumberFormat::parse("0;-0;0;\"Dept. \"@").text("Sales"), "Dept. Sales");
    assert_eq!(NumberFormat::parse("@\" (draft)\"").text("Plan"), "Plan (draft)");
    assert_eq!(NumberFormat::parse("0.00").text("Plan"), "Plan");
    assert_eq!(NumberFormat::parse("@").number(12.5, Epoch::Year1900), "12.5");
}

#[test]
fn hostile_codes_end() {
    for code in
        ["[", "\"", "\\", "[$", "0/0", "E+", "[h", "_", "*", ";;;;;;", "0.0.0", "?/0", "# ?/99999999", "[>"]
    {
        for value in [0.0, -1.5, f64::MAX, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY] {
            NumberFormat::parse(code).number(value, Epoch::Year1900);
        }
    }
    check(&"0".repeat(100_000), 1.0, "1");
}
