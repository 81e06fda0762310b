#include "cli/output/format.hh"

#include <gtest/gtest.h>

#include <limits>

namespace osb::cli {
namespace {

TEST(FormatBytes, PicksTheUnit) {
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1024), "1.0 KiB");
    EXPECT_EQ(format_bytes(1536), "1.5 KiB");
    EXPECT_EQ(format_bytes(1024UL * 1024 - 1), "1.0 MiB");
    EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(FormatDuration, HasMinutesAndHours) {
    EXPECT_EQ(format_duration(5), "0:05");
    EXPECT_EQ(format_duration(754), "12:34");
    EXPECT_EQ(format_duration(3723), "1:02:03");
    EXPECT_EQ(format_duration(100UL * 3600), "--:--");
}

TEST(FormatTime, IsUtc) {
    EXPECT_EQ(format_time(0), "1970-01-01 00:00:00 UTC");
    EXPECT_EQ(format_rfc3339(951827696), "2000-02-29T12:34:56Z");
    EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59Z");
    // Beyond any year that a struct tm holds.
    EXPECT_EQ(format_time(std::numeric_limits<std::int64_t>::max()), "9223372036854775807 s since 1970");
}

TEST(Printable, EscapesOnceOnly) {
    EXPECT_EQ(printable("plain"), "plain");
    EXPECT_EQ(printable("a\x1b[2J\r\nb\x7f"), "a\\x1b[2J\\x0d\\x0ab\\x7f");
    EXPECT_EQ(printable("escaped \\x1b before"), "escaped \\x1b before");
    EXPECT_EQ(printable("\xff\xc2\x9b"
                        "31m"),
              "\\xff\\xc2\\x9b31m");
    EXPECT_EQ(printable("\\\\"), "\\\\");
    EXPECT_EQ(printable(""), "");
    EXPECT_EQ(printable(std::string(5000, 'x')).size(), 5000U);
    EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(PrintableLines, KeepsLineFeedsAndTabs) {
    EXPECT_EQ(printable_lines("{\n\t\"a\": \"\x1b\"\n}"), "{\n\t\"a\": \"\\x1b\"\n}");
}

}  // namespace
}  // namespace osb::cli
