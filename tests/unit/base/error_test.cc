#include "base/error.hh"

#include <gtest/gtest.h>

#include <cerrno>

namespace osb {
namespace {

TEST(Error, TheCodeIsTheKindUnlessThereIsOne) {
    EXPECT_EQ(Error(ErrorKind::refused, "x").code(), "refused");
    Error pinned = Error(ErrorKind::refused, "x").code("pinned");
    pinned.add_context("context");
    EXPECT_EQ(pinned.code(), "pinned");
    EXPECT_EQ(pinned.kind(), ErrorKind::refused);
}

TEST(Error, ExitStatusOfEachKind) {
    EXPECT_EQ(exit_status(ErrorKind::internal), 1);
    EXPECT_EQ(exit_status(ErrorKind::not_found), 1);
    EXPECT_EQ(exit_status(ErrorKind::io), 1);
    EXPECT_EQ(exit_status(ErrorKind::usage), 2);
    EXPECT_EQ(exit_status(ErrorKind::invalid), 3);
    EXPECT_EQ(exit_status(ErrorKind::digest_mismatch), 3);
    EXPECT_EQ(exit_status(ErrorKind::unsupported), 3);
    EXPECT_EQ(exit_status(ErrorKind::too_large), 3);
    EXPECT_EQ(exit_status(ErrorKind::untrusted), 4);
    EXPECT_EQ(exit_status(ErrorKind::unavailable), 5);
    EXPECT_EQ(exit_status(ErrorKind::no_space), 6);
    EXPECT_EQ(exit_status(ErrorKind::refused), 1);
    EXPECT_EQ(exit_status(ErrorKind::nothing_new), 77);
    EXPECT_EQ(to_string(ErrorKind::digest_mismatch), "digest_mismatch");
}

TEST(Error, ContextGoesInFront) {
    Error error(ErrorKind::invalid, "bad size");
    error.add_context("entry 'x'");
    error.add_context("layer 2");
    EXPECT_EQ(error.message(), "layer 2: entry 'x': bad size");
    EXPECT_STREQ(error.what(), error.message().c_str());
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_EQ(error.hint(), "");
    EXPECT_EQ(Error(ErrorKind::usage, "x").hint("do y").hint(), "do y");
}

TEST(Error, WithContext) {
    const auto context = [] { return "here"; };
    EXPECT_EQ(with_context(context, [] { return 3; }), 3);
    try {
        with_context(context, [] { throw Error(ErrorKind::io, "failed").hint("advice"); });
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.message(), "here: failed");
        EXPECT_EQ(error.hint(), "advice");
    }
    EXPECT_THROW(with_context(context, [] { throw Interrupted(2); }), Interrupted);
}

TEST(Error, InterruptedIsNoError) {
    const Interrupted interrupted(15);
    EXPECT_EQ(interrupted.signal_number(), 15);
    EXPECT_EQ(dynamic_cast<const Error*>(static_cast<const std::exception*>(&interrupted)), nullptr);
}

TEST(Error, KindsOfErrno) {
    EXPECT_EQ(errno_error(ENOSPC, "x").kind(), ErrorKind::no_space);
    EXPECT_EQ(errno_error(EDQUOT, "x").kind(), ErrorKind::no_space);
    EXPECT_EQ(errno_error(ENOENT, "x").kind(), ErrorKind::not_found);
    EXPECT_EQ(errno_error(EACCES, "x").kind(), ErrorKind::io);
    EXPECT_EQ(errno_error(ENOENT, "open 'a'").message().find("open 'a': "), 0U);
    errno = ENOSPC;
    try {
        throw_errno("write");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::no_space);
    }
}

}  // namespace
}  // namespace osb
