#include "image/sandbox/import_answer.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hh"

namespace osb::image {
namespace {

ImportAnswer answer() {
    return {.commit = ostree::CommitId::parse(std::string(64, 'c')),
            .ref = ostree::RefName::parse("os/x86_64/os"),
            .manifest_digest = "sha256:" + std::string(64, 'a'),
            .version = "1 \"\n",
            .notes = {"moved 'a'", "dropped 'b'"},
            .transfer = {.way = "objects", .bytes = 1, .requests = 2, .layer_bytes = 3}};
}

oci::Json document() {
    return oci::parse_json(to_text(answer()), "test");
}

TEST(ImportAnswerTest, EverythingComesBack) {
    const ImportAnswer out = parse_import_answer(to_text(answer()));
    EXPECT_EQ(out.commit, answer().commit);
    EXPECT_EQ(out.ref, answer().ref);
    EXPECT_EQ(out.manifest_digest, answer().manifest_digest);
    EXPECT_EQ(out.version, answer().version);
    EXPECT_EQ(out.notes, answer().notes);
    EXPECT_EQ(out.transfer.way, "objects");
    EXPECT_EQ(out.transfer.bytes, 1U);
    EXPECT_EQ(out.transfer.requests, 2U);
    EXPECT_EQ(out.transfer.layer_bytes, 3U);
}

TEST(ImportAnswerTest, AnotherProcessMayReturnAnything) {
    EXPECT_THROW(parse_import_answer(""), Error);
    EXPECT_THROW(parse_import_answer("[]"), Error);
    const auto expect_refused = [](const char* member, const oci::Json& value) {
        oci::Json changed = document();
        changed[member] = value;
        EXPECT_THROW(parse_import_answer(changed.dump()), Error) << member;
        changed.erase(member);
        if (std::string(member) != "notes")
            EXPECT_THROW(parse_import_answer(changed.dump()), Error) << member;
    };
    expect_refused("commit", "../../etc");
    expect_refused("ref", "../../etc");
    expect_refused("manifest_digest", "sha256:abc\nx=y");
    expect_refused("version", 1);
    expect_refused("notes", {1});
    expect_refused("transfer", {{"way", "none"}});
    expect_refused("transfer", {{"way", "mine"}, {"bytes", 1}, {"requests", 1}, {"layer_bytes", 1}});
    expect_refused("transfer", {{"way", "none"}, {"bytes", -1}, {"requests", 1}, {"layer_bytes", 1}});
}

TEST(ImportAnswerTest, NotesControlNoTerminal) {
    ImportAnswer hostile = answer();
    hostile.notes = {"\x1b[2J", "escaped \\x1b"};
    const ImportAnswer out = parse_import_answer(to_text(hostile));
    EXPECT_EQ(out.notes[0], "\\x1b[2J");
    EXPECT_EQ(out.notes[1], "escaped \\x1b");
}

}  // namespace
}  // namespace osb::image
