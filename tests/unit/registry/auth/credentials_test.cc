#include "registry/auth/credentials.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/pipe.hh"
#include "registry/auth/credentials_input.hh"
#include "tests/support/temp_directory.hh"

namespace osb::registry {
namespace {

const std::string kColonCanary = "cAnArY:123";

class CredentialsTest : public ::testing::Test {
  protected:
    CredentialsTest() {
        set_log_sink([this](LogLevel, const std::string& line) { logged += line + '\n'; });
    }
    ~CredentialsTest() override { set_log_sink({}); }

    std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) {
        const std::string path = directory / name;
        std::ofstream(path, std::ios::binary) << content;
        ::chmod(path.c_str(), mode);
        return path;
    }
    static std::string entry(const std::string& key, const std::string& user = "user") {
        return "\"" + key + R"(":{"auth":")" + encode_base64(user + ':' + kColonCanary) + "\"}";
    }
    static std::string auths(const std::string& entries) { return R"({"auths":{)" + entries + "}}"; }
    std::optional<Credentials> look(const std::string& content, const std::string& host,
                                    const std::string& path = "a/b") {
        CredentialFiles files;
        files.chosen = write("auth.json", content);
        return CredentialStore(files).lookup(host, path);
    }
    std::string user_of(const std::string& content, const std::string& host,
                        const std::string& path = "a/b") {
        const auto found = look(content, host, path);
        return found ? found->user : "-";
    }
    // A helper of this name, on $PATH.
    void add_helper(const std::string& name, const std::string& script) {
        write("docker-credential-" + name, "#!/bin/sh\n" + script, 0755);
        ::setenv("PATH", (directory.path() + ':' + path_).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }

    test::TempDirectory directory;
    std::string logged;

  private:
    std::string path_ = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
};

TEST_F(CredentialsTest, TheMostSpecificEntryWins) {
    const std::string file =
        auths(entry("h:5000", "host") + "," + entry("h:5000/a", "space") + "," + entry("h:5000/a/b", "repo"));
    EXPECT_EQ(user_of(file, "h:5000"), "repo");
    EXPECT_EQ(user_of(file, "h:5000", "a/c"), "space");
    EXPECT_EQ(user_of(file, "h:5000", "ab/c"), "host");
    EXPECT_EQ(user_of(file, "h:5000", ""), "host");
    EXPECT_EQ(user_of(file, "h"), "-");
    EXPECT_EQ(user_of(file, "h:5001"), "-");
    EXPECT_EQ(look(file, "h:5000")->password, kColonCanary);  // split at the first colon
}

TEST_F(CredentialsTest, OldKeysAreUrls) {
    EXPECT_EQ(user_of(auths(entry("https://h/v1/")), "h"), "user");
    for (const char* key :
         {"https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"}) {
        EXPECT_EQ(user_of(auths(entry(key)), "docker.io"), "user") << key;
    }
    EXPECT_EQ(user_of(auths(entry("docker.io/library")), "docker.io", "library/x"), "user");
}

TEST_F(CredentialsTest, FilesAreReadInTheirOrder) {
    CredentialFiles files;
    files.usual = {directory / "missing", write("1.json", auths(entry("h", "first"))),
                   write("2.json", auths(entry("h", "second") + "," + entry("i", "other"))),
                   write("3.json", "")};
    EXPECT_EQ(CredentialStore(files).lookup("h", "x")->user, "first");
    EXPECT_EQ(CredentialStore(files).lookup("i", "x")->user, "other");
    EXPECT_FALSE(CredentialStore(files).lookup("j", "x"));
    files.chosen = directory / "missing";
    EXPECT_THROW(CredentialStore(files).lookup("h", "x"), Error);
}

TEST_F(CredentialsTest, TheFormatBeforeConfigJson) {
    CredentialFiles files;
    files.usual = {write(".dockercfg", "{" + entry("https://h/v1/") + "}")};
    EXPECT_EQ(CredentialStore(files).lookup("h", "x")->user, "user");
    EXPECT_FALSE(CredentialStore(files).lookup("i", "x"));
    write(".dockercfg", "{\"h\":7}");
    EXPECT_THROW(CredentialStore(files).lookup("h", "x"), Error);
}

TEST_F(CredentialsTest, IdentityTokens) {
    const auto found = look(R"({"auths":{"h":{"identitytoken":"t"}}})", "h");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->identity_token, "t");
}

TEST_F(CredentialsTest, RegistryTokens) {
    const auto found = look(R"({"auths":{"h":{"registrytoken":"a.b-c"}}})", "h");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->registry_token, "a.b-c");
    EXPECT_FALSE(look(R"({"auths":{"h":{"registrytoken":"a.b-c"}}})", "i"));
    for (const char* text : {R"("a b")", R"("a
X-Evil: 1")",
                             R"("é")", "7"})
        EXPECT_THROW(look(concat(R"({"auths":{"h":{"registrytoken":)", text, "}}}"), "h"), Error) << text;
}

// As base64(1) writes it.
TEST_F(CredentialsTest, LineBreaksInBase64AreIgnored) {
    const std::string encoded = encode_base64("user:" + kColonCanary + std::string(80, 'x'));
    const std::string broken = encoded.substr(0, 76) + "\\n" + encoded.substr(76) + "\\r\\n";
    const auto found = look(auths(R"("h":{"auth":")" + broken + "\"}"), "h");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->password, kColonCanary + std::string(80, 'x'));
}

TEST_F(CredentialsTest, UserAndPasswordInTheClear) {
    const auto found = look(auths(R"("h":{"username":"me","password":"a:b"})"), "h");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->user + '/' + found->password, "me/a:b");
    EXPECT_EQ(
        user_of(auths(R"("h":{"username":"other","password":"x","auth":")" + encode_base64("me:x") + "\"}"),
                "h"),
        "me");
    EXPECT_EQ(user_of(auths(R"("h":{"username":null,"password":"x"})"), "h"), "-");
}

TEST_F(CredentialsTest, EntriesWithoutAPasswordAreNotUsed) {
    EXPECT_EQ(user_of(auths(R"("h":null)"), "h"), "-");
    EXPECT_EQ(user_of(auths(R"("h":{"auth":null})"), "h"), "-");
    EXPECT_EQ(user_of(auths(R"("h":{"auth":")" + encode_base64("only-a-token") + "\"}"), "h"), "-");
}

TEST_F(CredentialsTest, MalformedFilesAreRefusedWithoutRepeatingThem) {
    for (const std::string& content :
         {kColonCanary, "{\"auths\":\"" + kColonCanary + "\"}",
          "{\"auths\":{\"h\":\"" + kColonCanary + "\"}}",
          "{\"auths\":{\"h\":{\"auth\":\"" + kColonCanary + "\"}}}",
          std::string(R"({"auths":{"h":{"auth":7}}})"), std::string("[]"),
          "{\"" + kColonCanary + "\":", "{\"a\":1,\"a\":\"" + kColonCanary, std::string(2UL << 20U, ' ')}) {
        try {
            look(content, "h");
            ADD_FAILURE() << content.substr(0, 80);
        } catch (const Error& error) {
            EXPECT_EQ(error.message().find("cAnArY"), std::string::npos) << error.message();
        }
    }
}

TEST_F(CredentialsTest, AFileThatOthersMayReadIsWarnedOf) {
    CredentialFiles files;
    files.chosen = write("open.json", auths(entry("h")), 0666);
    EXPECT_TRUE(CredentialStore(files).lookup("h", "x"));
    EXPECT_NE(logged.find("other users"), std::string::npos);
    EXPECT_EQ(logged.find("cAnArY"), std::string::npos);
}

TEST_F(CredentialsTest, HelpersAreAsked) {
    add_helper("test-1", R"(read server; [ "$1" = get ] || exit 9
case $server in
h) echo '{"ServerURL":"h","Username":"helped","Secret":"cAnArY"}' ;;
https://index.docker.io/v1/) echo '{"ServerURL":"","Username":"<token>","Secret":"idt"}' ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
)");
    const std::string one = R"({"credHelpers":{"h":"test-1","docker.io":"none-such"},"auths":{"h":{}}})";
    EXPECT_EQ(look(one, "h")->password, "cAnArY");
    const std::string all = R"({"credsStore":"test-1","auths":{"h":{},"i":{}}})";
    EXPECT_EQ(user_of(all, "h"), "helped");
    EXPECT_EQ(user_of(all, "i"), "-");
    EXPECT_EQ(look(all, "docker.io")->identity_token, "idt");
    EXPECT_FALSE(look(one, "docker.io"));
}

TEST_F(CredentialsTest, RegistriesConfNamesThePlaces) {
    add_helper("test-1", R"(read server
case $server in
h) echo '{"ServerURL":"h","Username":"helped","Secret":"cAnArY"}' ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
)");
    CredentialFiles files;
    files.usual = {write("1.json", auths(entry("h/a") + "," + entry("i")))};
    const auto user = [&](std::vector<std::string> helpers, const std::string& host) {
        files.helpers = std::move(helpers);
        const auto found = CredentialStore(files).lookup(host, "a");
        return found ? found->user : "-";
    };
    EXPECT_EQ(user({"test-1", "containers-auth.json"}, "h"), "helped");
    EXPECT_EQ(user({"test-1", "containers-auth.json"}, "i"), "user");
    EXPECT_EQ(user({"containers-auth.json", "test-1"}, "h"), "user");
    EXPECT_EQ(user({"test-1"}, "i"), "-");
    EXPECT_EQ(user({"none-such", "containers-auth.json"}, "i"), "user");
    files.chosen = files.usual[0];
    EXPECT_EQ(user({"test-1"}, "i"), "user");
}

// The file came from another machine.
TEST_F(CredentialsTest, AHelperThatIsAbsentIsPassedOver) {
    write("docker-credential-no-program", "not executable", 0644);
    add_helper("there", R"(echo '{"ServerURL":"h","Username":"helped","Secret":"cAnArY"}')");
    CredentialFiles files;
    files.usual = {
        write("1.json", R"({"credHelpers":{"h":"none-such"},"credsStore":"desktop","auths":{"h":{}}})")};
    std::string problem;
    EXPECT_FALSE(CredentialStore(files).lookup("h", "x", &problem));
    EXPECT_NE(problem.find("docker-credential-desktop"), std::string::npos) << problem;
    EXPECT_NE(problem.find("1.json"), std::string::npos) << problem;
    EXPECT_EQ(logged.find("warning"), std::string::npos);
    // What else there is counts: in the file, in its default helper, in the next file.
    for (const std::string& second : {auths(entry("h", "next")), std::string(R"({"credsStore":"there"})")}) {
        files.usual.resize(1);
        files.usual.push_back(write("2.json", second));
        problem.clear();
        EXPECT_TRUE(CredentialStore(files).lookup("h", "x", &problem)) << second;
    }
    EXPECT_EQ(user_of(R"({"credHelpers":{"h":"none-such"},"credsStore":"there"})", "h"), "helped");
    EXPECT_EQ(user_of(R"({"credHelpers":{"h":"no-program"},)" + auths(entry("h")).substr(1), "h"), "user");
}

// Who it was meant for it may well know: no other is taken in its place.
TEST_F(CredentialsTest, AHelperThatFailsEndsTheSearchWithAWarning) {
    add_helper("locked", "echo cAnArY; exit 3");
    CredentialFiles files;
    files.usual = {write("1.json", R"({"credHelpers":{"h":"locked"},)" + auths(entry("h")).substr(1)),
                   write("2.json", auths(entry("h")))};
    std::string problem;
    EXPECT_FALSE(CredentialStore(files).lookup("h", "x", &problem));
    EXPECT_NE(problem.find("docker-credential-locked"), std::string::npos) << problem;
    EXPECT_NE(logged.find("docker-credential-locked"), std::string::npos) << logged;
    EXPECT_EQ(logged.find("cAnArY"), std::string::npos) << logged;
}

TEST_F(CredentialsTest, AreReadFromAFileAndFromAPipe) {
    EXPECT_EQ(read_credentials_file(write("c", "user:" + kColonCanary + "\n")).password, kColonCanary);
    EXPECT_EQ(logged, "");
    EXPECT_EQ(read_credentials_file(write("c", "user:" + kColonCanary + "\r\n", 0644)).user, "user");
    EXPECT_NE(logged.find("other users"), std::string::npos);
    EXPECT_EQ(logged.find("cAnArY"), std::string::npos);
    for (const std::string& text : {std::string(), std::string("cAnArY\n"), std::string(":cAnArY"),
                                    "user:" + std::string(kMaxPassword, 'x')}) {
        try {
            read_credentials_file(write("c", text));
            ADD_FAILURE() << text.substr(0, 20);
        } catch (const Error& error) {
            EXPECT_EQ(error.message().find("cAnArY"), std::string::npos) << error.message();
        }
    }
    EXPECT_THROW(read_credentials_file(directory / "none"), Error);
    const auto piped = [](std::string_view text) {
        Pipe pipe = make_pipe();
        write_all(pipe.writer.get(), as_bytes(text), "pipe");
        pipe.writer.close();
        return read_password("user", std::move(pipe.reader));
    };
    EXPECT_EQ(piped("a:b c\n"), (Credentials{.user = "user", .password = "a:b c", .identity_token = {}}));
    EXPECT_THROW(piped("\n"), Error);
}

TEST_F(CredentialsTest, HelpersThatMisbehave) {
    add_helper("huge", "head -c 10000000 /dev/zero");
    add_helper("fails", "echo cAnArY; echo cAnArY >&2; exit 3");
    add_helper("garbage", "echo '{\"Username\":\"cAnArY\"'");
    add_helper("partial", "echo '{\"Username\":\"cAnArY\"}'");
    add_helper("silent", "exit 0");
    for (const char* name : {"huge", "fails", "garbage", "partial", "silent", "missing"}) {
        try {
            ask_credential_helper(name, "h");
            ADD_FAILURE() << name;
        } catch (const Error& error) {
            EXPECT_EQ((error.message() + error.hint()).find("cAnArY"), std::string::npos) << error.message();
        }
    }
    for (const char* name : {"", "../../bin/sh", "a b", "a;b", "a/b", "$(x)", "a\n", "."}) {
        EXPECT_THROW(ask_credential_helper(name, "h"), Error) << name;
    }
}

TEST(CredentialsParseTest, UserAndPassword) {
    const Credentials found = Credentials::parse("user:a:b");
    EXPECT_EQ(found.user, "user");
    EXPECT_EQ(found.password, "a:b");
    for (const char* text : {"", "cAnArY", ":cAnArY"}) {
        try {
            Credentials::parse(text);
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_EQ(error.message().find("cAnArY"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace osb::registry
