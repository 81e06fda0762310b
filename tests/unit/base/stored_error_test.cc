#include "base/stored_error.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/secret.hh"

namespace osb {
namespace {

TEST(StoredErrorTest, EverythingComesBack) {
    const Error error =
        Error(ErrorKind::refused, "it is 'older' than \\x1b").code("older_image").hint("--force");
    const Error out = parse_error(store_error(error));
    EXPECT_EQ(out.kind(), ErrorKind::refused);
    EXPECT_EQ(out.code(), "older_image");
    EXPECT_EQ(out.message(), error.message());
    EXPECT_EQ(out.hint(), "--force");
}

TEST(StoredErrorTest, AnErrorWithoutACodeHasThatOfItsKind) {
    for (const ErrorKind kind :
         {ErrorKind::internal, ErrorKind::not_found, ErrorKind::io, ErrorKind::refused, ErrorKind::usage,
          ErrorKind::invalid, ErrorKind::digest_mismatch, ErrorKind::unsupported, ErrorKind::too_large,
          ErrorKind::untrusted, ErrorKind::unavailable, ErrorKind::no_space, ErrorKind::nothing_new}) {
        const Error out = parse_error(store_error(Error(kind, "a")));
        EXPECT_EQ(out.kind(), kind) << to_string(kind);
        EXPECT_EQ(out.code(), to_string(kind));
        EXPECT_EQ(out.hint(), "");
    }
}

TEST(StoredErrorTest, ACodeOutlivesItsText) {
    std::string text = store_error(Error(ErrorKind::refused, "a").code("some_code"));
    const Error out = parse_error(text);
    text.assign(text.size(), 'x');
    EXPECT_EQ(out.code(), "some_code");
}

// The process that reads the credentials is not the one that prints the error.
TEST(StoredErrorTest, SecretsStayInTheirProcess) {
    keep_secret("a-stored-errors-secret");
    const Error error =
        Error(ErrorKind::untrusted, "bad password a-stored-errors-secret").hint("not a-stored-errors-secret");
    EXPECT_EQ(store_error(error).find("a-stored-errors-secret"), std::string::npos);
    EXPECT_EQ(parse_error(store_error(error)).message(), "bad password ***");
}

TEST(StoredErrorTest, HostileTextIsHarmless) {
    EXPECT_EQ(parse_error("").kind(), ErrorKind::internal);
    EXPECT_EQ(parse_error("nonsense").kind(), ErrorKind::internal);
    const auto parse = [](std::string text) {
        for (char& c : text) {
            if (c == '|') c = '\0';
        }
        return parse_error(text);
    };
    EXPECT_EQ(parse("io").message(), "");
    EXPECT_EQ(parse("io|\x1b[2J|\x1b[2J|\x1b]0;x").code(), "io");
    EXPECT_EQ(parse("io||\x1b[2J|").message(), "\\x1b[2J");
    EXPECT_EQ(parse("io||a|\n").hint(), "\\x0a");
    EXPECT_EQ(parse("io||\xff|").message(), "\\xff");
    EXPECT_LT(parse("io||" + std::string(1UL << 20U, 'a') + "|").message().size(), 20000U);
    EXPECT_EQ(parse("io|" + std::string(100, 'a') + "||").code(), "io");
}

// In a process of its own: codes are kept for as long as the program runs.
TEST(StoredErrorTest, CodesAreBounded) {
    const auto code_of = [](const std::string& code) {
        return std::string(parse_error(std::string("io\0", 3) + code + std::string("\0a\0", 3)).code());
    };
    EXPECT_EXIT(
        {
            for (int i = 0; i < 1000; ++i) {
                std::string name = "c";
                for (int rest = i; rest > 0; rest /= 26) name.push_back(static_cast<char>('a' + rest % 26));
                static_cast<void>(code_of(name));
            }
            ::_exit(code_of("never_seen_before") == "io" ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace osb
