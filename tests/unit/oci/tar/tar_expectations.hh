// Archives for the tests of the tar reader, and what these expect of them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "oci/tar/tar_reader.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/tar_builder.hh"

namespace osb::test {

// A file behind a PAX header.
inline std::string with_pax(const PaxRecords& records) {
    return TarBuilder().pax(records).file("f", "x").finish();
}

// The entry of an archive that has one, and is read whole.
inline ReadEntry only_entry(const std::string& bytes, const ReadOptions& options = {}) {
    const ReadArchive archive = read_archive(bytes, options);
    EXPECT_EQ(archive.error, "");
    EXPECT_EQ(archive.entries.size(), 1U);
    return archive.entries.empty() ? ReadEntry{} : archive.entries[0];
}

// The archive is refused, with a message that has `part` in it.
inline void expect_tar_error(const std::string& bytes, std::string_view part,
                             ErrorKind kind = ErrorKind::invalid, const oci::TarLimits& limits = {}) {
    ReadOptions options;
    options.limits = limits;
    const ReadArchive archive = read_archive(bytes, options);
    EXPECT_NE(archive.error.find(part), std::string::npos)
        << '"' << archive.error << "\" without \"" << part << '"';
    EXPECT_EQ(archive.kind, kind) << archive.error;
}

}  // namespace osb::test
