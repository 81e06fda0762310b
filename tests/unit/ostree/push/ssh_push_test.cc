// Pushes over SSH, with an `ssh` of our own that says what a server could say. What real ones do is tested in
// tests/integration/push_archive.py.
#include <sys/stat.h>

#include <cstdlib>

#include "ostree/push/archive_push.hh"
#include "ostree/push/receive_log.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMade = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

class SshPushThreads : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        path_ = std::getenv("PATH");
        ::setenv("PATH", (directory_.path() + ':' + path_).c_str(), 1);
        ::setenv("OSB_TEST", directory_.path().c_str(), 1);
        TarBuilder layer;
        layer.file("usr/file", "content");
        commit_ = import(image_of({layer}).image, {.layout = ostree::Layout::plain}).commit.text();
        set_log_sink([this](LogLevel level, const std::string& line) {
            if (level != LogLevel::debug) said_ += line + '\n';
            logged_ += line + '\n';
        });
    }
    void TearDown() override {
        ::setenv("PATH", path_.c_str(), 1);
        ImportTest::TearDown();
    }

    // What our ssh does: as the master, when asked for a port, and for a command. ARGUMENTS gets a line for
    // each time that it is run.
    void fake(const std::string& command, const std::string& forward = "echo 40000",
              const std::string& master = "echo $$ >\"$4.pid\"; : >\"$4\"; exec sleep 20") {
        const std::string program = directory_ / "ssh";
        std::ofstream(program) << "#!/bin/sh\n"
                               << "echo \"$*\" >>\"$OSB_TEST/ARGUMENTS\"\n"
                               << "case \" $* \" in\n"
                               << "*' -M '*) " << master << ";;\n"
                               << "*' -O forward '*) " << forward << ";;\n"
                               << "*' -O exit '*) kill \"$(cat \"$4.pid\")\"; rm -f \"$4.pid\";;\n"
                               << "*) " << command << ";;\n"
                               << "esac\n";
        ::chmod(program.c_str(), 0755);
    }

    // A line of ostree-receive's log, from our ssh.
    static std::string logged(const std::string& level, const std::string& message) {
        return concat("echo '", level, ":otpush.receive:", message, "' >&2; ");
    }
    std::string made() const { return logged("DEBUG", concat("Set os/test ref to ", kMade)); }
    std::string not_newer() const {
        return logged("INFO", "Current commits:") + logged("INFO", concat(" os/test ", kMade)) +
               logged("WARNING",
                      concat("ref os/test remote rev ", commit_, " is not newer than current rev ", kMade));
    }
    std::string same_tree() const {
        return logged("WARNING", concat("ref os/test remote commit ", commit_, " root equals ", kMade));
    }

    ostree::ArchivePushResult push(const std::string& url = "ssh://host/srv/repo", bool force = false) {
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        NoProgress progress;
        return ostree::push_over_ssh(repository, "os/test", ostree::SshTarget::parse(url), {.force = force},
                                     progress);
    }

    // The Error that a push ends with.
    Error failure() {
        try {
            push();
        } catch (const Error& error) {
            for (const char c : error.message()) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
            return error;
        }
        ADD_FAILURE() << "was pushed";
        return {ErrorKind::internal, ""};
    }

    std::string arguments() const {
        std::ifstream in(directory_ / "ARGUMENTS");
        return {std::istreambuf_iterator<char>(in), {}};
    }

    static bool has(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }

    std::string commit_;
    std::string path_;
    std::string said_;
    std::string logged_;
};

TEST_F(SshPushThreads, HowSshIsRun) {
    fake(made());
    const auto result = push("ssh://me@[::1]:2222/srv/a repo's");
    EXPECT_EQ(result.commit, commit_);
    EXPECT_EQ(result.destination, kMade);
    EXPECT_EQ(result.commits, 1U);
    EXPECT_FALSE(result.unchanged);
    const std::string all = arguments();
    EXPECT_TRUE(has(all, " -p 2222 -l me -- ::1\n")) << all;
    EXPECT_TRUE(has(all, "BatchMode=yes")) << all;
    EXPECT_FALSE(has(all, "StrictHostKeyChecking")) << all;
    EXPECT_FALSE(has(all, "KnownHosts")) << all;
    EXPECT_TRUE(has(all, "-O forward -R 127.0.0.1:0:/")) << all;
    EXPECT_TRUE(has(all, "-T -- ::1 ostree-receive -v '/srv/a repo'\\''s' http://127.0.0.1:40000/")) << all;
    EXPECT_TRUE(has(all, " os/test\n")) << all;
    fs::remove(directory_ / "ARGUMENTS");
    push("ssh://host/srv/repo", /*force=*/true);
    EXPECT_TRUE(has(arguments(), " -- host ostree-receive -f -v /srv/repo http")) << arguments();
}

TEST_F(SshPushThreads, AServerThatPermitsLocalhostAlone) {
    fake(made(), "case \"$*\" in *127.0.0.1:0:*) echo refused >&2; exit 255;; esac; echo 40001");
    EXPECT_EQ(push().destination, kMade);
    EXPECT_TRUE(has(arguments(), "http://127.0.0.1:40001/")) << arguments();
}

TEST_F(SshPushThreads, WhatTheServerDid) {
    fake(not_newer() + same_tree());
    EXPECT_TRUE(push().unchanged);
    EXPECT_EQ(push().destination, kMade);
    EXPECT_TRUE(has(said_, "is not newer")) << said_;
    fake(logged("INFO", "Current commits:") + logged("INFO", concat(" os/test ", commit_)));
    EXPECT_TRUE(push().unchanged);
    EXPECT_EQ(push().destination, commit_);
    fake(not_newer());
    const Error refused = failure();
    EXPECT_EQ(refused.kind(), ErrorKind::invalid);
    EXPECT_TRUE(has(refused.message(), kMade)) << refused.message();
    // An end without a word: who knows.
    fake("exit 0");
    EXPECT_EQ(failure().kind(), ErrorKind::unavailable);
}

TEST_F(SshPushThreads, HowItFails) {
    fake("echo 'sh: ostree-receive: not found' >&2; exit 127");
    EXPECT_EQ(failure().kind(), ErrorKind::not_found);
    EXPECT_TRUE(has(failure().hint(), "ostree-push"));
    fake("echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255");
    EXPECT_EQ(failure().kind(), ErrorKind::unavailable);
    fake("printf 'Traceback:\\n  x\\notpush.receive.OTReceiveError: repo x not found\\n' >&2; exit 1");
    EXPECT_EQ(failure().kind(), ErrorKind::unavailable);
    EXPECT_TRUE(has(failure().message(), "exit status 1: otpush.receive.OTReceiveError: repo x not found"));
    fake("kill -9 $$");
    EXPECT_EQ(failure().kind(), ErrorKind::unavailable);
    // What it says is shown, but not obeyed.
    fake("printf 'x\\033[2Jy\\n' >&2; head -c 100000 /dev/zero; exit 1");
    EXPECT_LT(failure().message().size(), 1000U);
    EXPECT_FALSE(has(logged_, "\033")) << "a control character";
}

TEST_F(SshPushThreads, HowConnectingFails) {
    const auto connecting = [&](const std::string& says) {
        fake("exit 0", "echo 40000", concat("printf '", says, "' >&2; exit 255"));
        return failure();
    };
    const Error unknown = connecting("No ED25519 host key is known\\r\\nHost key verification failed.\\r\\n");
    EXPECT_EQ(unknown.kind(), ErrorKind::untrusted);
    const Error denied = connecting("me@host: Permission denied (publickey).\\r\\n");
    EXPECT_EQ(denied.kind(), ErrorKind::unavailable);
    EXPECT_TRUE(has(denied.message(), "Permission denied (publickey)")) << denied.message();
    EXPECT_EQ(connecting("ssh: connect to host h port 22: Connection refused\\n").kind(),
              ErrorKind::unavailable);
    EXPECT_EQ(connecting("").kind(), ErrorKind::unavailable);
    for (const char* forward : {"exit 255", "echo 'Port forwarding failed' >&2; exit 255", "echo 0", "echo x",
                                "echo 99999", "echo 1; echo 2x", "echo 40000; exit 1"}) {
        fake(made(), forward);
        EXPECT_EQ(failure().kind(), ErrorKind::unavailable) << forward;
    }
    fs::remove(directory_ / "ssh");
    ::setenv("PATH", directory_.path().c_str(), 1);
    fs::create_symlink("/bin/sh", directory_ / "sh");
    const Error missing = failure();
    EXPECT_EQ(missing.kind(), ErrorKind::not_found);
    EXPECT_TRUE(has(missing.hint(), "install"));
}

TEST(ReceiveLog, OnlyWhatIsAboutThisPush) {
    const std::string commit(64, 'a');
    const std::string other(64, 'b');
    ostree::ReceiveLog log(ostree::RefName::parse("os/x"), ostree::CommitId::parse(commit), true);
    for (const std::string& line : {
             std::string("INFO:otpush.receive:Remote commits:"),
             "INFO:otpush.receive: os/x " + commit,
         })
        log.add(line);
    EXPECT_FALSE(log.before().told);
    for (const std::string& line : {
             std::string("INFO:otpush.receive:Current commits:"),
             "INFO:otpush.receive: os/xy " + commit,
             std::string("INFO:otpush.receive: os/x None"),
             "DEBUG:otpush.receive:Set os/y ref to " + other,
             std::string("DEBUG:otpush.receive:Set os/x ref to nothing"),
             "WARNING:otpush.receive:ref os/x remote rev " + other + " is not newer than current rev " +
                 other,
             "WARNING:otpush.receive:ref os/y remote rev " + commit + " is not newer than current rev " +
                 other,
             "x DEBUG:otpush.receive:Set os/x ref to " + other,
         })
        log.add(line);
    EXPECT_TRUE(log.before().told);
    EXPECT_EQ(log.before().commit, std::nullopt);
    EXPECT_EQ(log.made(), std::nullopt);
    EXPECT_FALSE(log.is_not_newer());
    EXPECT_FALSE(log.is_same_tree());
    log.add("DEBUG:otpush.receive:Set os/x ref to " + other);
    EXPECT_EQ(log.made(), other);
    log.add("\x1b[31mlast\x07");
    EXPECT_EQ(log.last_words().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace osb::test
