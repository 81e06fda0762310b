#include "base/sandbox.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "base/helper_call.hh"
#include "base/landlock.hh"
#include "base/subprocess.hh"
#include "base/temporary_directory.hh"
#include "base/unnamed_file.hh"
#include "tests/support/temp_directory.hh"

namespace osb {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text = "before") {
    std::ofstream(path) << text;
}

std::string read_file(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

// The error of a call; 0 if it succeeded.
int error_of(long result) {
    return result < 0 ? errno : 0;
}

int open_error(const fs::path& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    const int error = error_of(fd);
    if (fd >= 0) ::close(fd);
    return error;
}

class SandboxTest : public testing::Test {
  protected:
    SandboxTest() {
        fs::create_directories(inside_ / "a");
        fs::create_directories(inside_ / "b");
        fs::create_directories(outside_);
        write_file(inside_ / "a/file");
        write_file(outside_ / "file");
    }

    void SetUp() override {
        if (landlock_version() < kOldestLandlock) GTEST_SKIP() << "this kernel has no Landlock";
    }

    SandboxRules rules() const {
        SandboxRules out;
        out.writable = {inside_};
        out.temporary_parent = temporary_.path();
        return out;
    }

    // Runs `check` in a process in the sandbox. It returns what is wrong there, "" for nothing.
    static void expect_in_sandbox(const SandboxRules& rules, const std::function<std::string()>& check) {
        expect_in_process([&]() -> std::string {
            const Sandbox sandbox(rules, SandboxMode::require);
            return check();
        });
    }

    // Runs `check` in a process of its own.
    static void expect_in_process(const std::function<std::string()>& check) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::close(ends[0]);
            std::string problem;
            try {
                problem = check();
            } catch (const std::exception& error) {
                problem = concat("exception: ", error.what());
            }
            write_all(ends[1], as_bytes(problem), "pipe");
            ::_exit(0);
        }
        ::close(ends[1]);
        FdSource source(Fd{ends[0]}, "pipe");
        EXPECT_EQ(read_all(source, 65536, "pipe"), "");
        int status = 0;
        ASSERT_EQ(::waitpid(pid, &status, 0), pid);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }

    // As root the mounts are read-only, too, and may answer first.
    static std::string refused(std::string_view what, int error) {
        if (error == EACCES || error == EROFS || error == EXDEV || error == EPERM) return "";
        return concat(what, ": ", error, "\n");
    }
    static std::string allowed(std::string_view what, int error) {
        return error == 0 ? "" : concat(what, ": ", error, "\n");
    }

    test::TempDirectory temporary_;
    fs::path root_ = temporary_.path();
    fs::path inside_ = root_ / "inside";
    fs::path outside_ = root_ / "outside";
};

// A socket of datagrams reaches any path without a connection, also one of a pair.
TEST_F(SandboxTest, PairsOfSocketsAreForConnections) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    (outside_ / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
    for (const int kind : {SOCK_STREAM, SOCK_SEQPACKET}) {
        ::unlink(address.sun_path);
        const Fd listener(::socket(AF_UNIX, kind | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(listener.get(), generic, sizeof address), 0);
        ASSERT_EQ(::listen(listener.get(), 1), 0);
        expect_in_sandbox(rules(), [&] {
            std::array<int, 2> ends{};
            std::string out = allowed("pair", error_of(::socketpair(AF_UNIX, kind, 0, ends.data())));
            // It is connected already.
            return out + (error_of(::connect(ends[0], generic, sizeof address)) == EISCONN ? "" : "connect");
        });
    }
    expect_in_sandbox(rules(), [&] {
        std::string out;
        for (const int kind : {SOCK_DGRAM, SOCK_RAW}) {
            std::array<int, 2> ends{};
            out += refused(concat("pair ", kind), error_of(::socketpair(AF_UNIX, kind, 0, ends.data())));
        }
        return out;
    });
}

TEST_F(SandboxTest, LimitsOfOtherProcessesStay) {
    expect_in_sandbox(rules(), [&] {
        rlimit limit{};
        std::string out = allowed("own", error_of(::getrlimit(RLIMIT_CPU, &limit)));
        return out + refused("parent", error_of(::prlimit(::getppid(), RLIMIT_CPU, nullptr, &limit)));
    });
}

TEST_F(SandboxTest, NoFilesystemIsFrozen) {
    expect_in_sandbox(rules(), [&] {
        const Fd directory(::open(inside_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        // FITHAW of what is not frozen fails with EINVAL where it is allowed.
        return refused("thaw", error_of(::ioctl(directory.get(), FITHAW, 0)));
    });
}

TEST_F(SandboxTest, InsideEverythingIsPossible) {
    expect_in_sandbox(rules(), [&] {
        std::string out = allowed("create", open_error(inside_ / "new", O_WRONLY | O_CREAT));
        out += allowed("truncate", open_error(inside_ / "new", O_WRONLY | O_TRUNC));
        out += allowed("rename", error_of(::rename((inside_ / "a/file").c_str(), (inside_ / "b/f").c_str())));
        out += allowed("link", error_of(::link((inside_ / "b/f").c_str(), (inside_ / "a/g").c_str())));
        out += allowed("mkdir", error_of(::mkdir((inside_ / "c").c_str(), 0700)));
        out += allowed("rmdir", error_of(::rmdir((inside_ / "c").c_str())));
        out += allowed("unlink", error_of(::unlink((inside_ / "a/g").c_str())));
        out += allowed("chmod", error_of(::chmod((inside_ / "b/f").c_str(), 0600)));
        out += allowed("symlink", error_of(::symlink("x", (inside_ / "s").c_str())));
        const Fd unnamed(::open(inside_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        const std::string name = concat("/proc/self/fd/", unnamed.get());
        out += allowed("tmpfile", error_of(::linkat(AT_FDCWD, name.c_str(), AT_FDCWD,
                                                    (inside_ / "b/t").c_str(), AT_SYMLINK_FOLLOW)));
        return out + allowed("null", open_error("/dev/null", O_RDWR));
    });
}

TEST_F(SandboxTest, NothingOutsideIsWritten) {
    fs::create_symlink(outside_ / "file", inside_ / "link");
    fs::create_symlink(outside_, inside_ / "directory");
    const auto check = [&] {
        std::string out = refused("create", open_error(outside_ / "new", O_WRONLY | O_CREAT));
        out += refused("write", open_error(outside_ / "file", O_WRONLY));
        out += refused("write by a link", open_error(inside_ / "link", O_WRONLY));
        out += refused("create by a link", open_error(inside_ / "directory/new", O_WRONLY | O_CREAT));
        out += refused("create by ..", open_error(inside_ / "../outside/new", O_WRONLY | O_CREAT));
        out += refused("truncate", error_of(::truncate((outside_ / "file").c_str(), 0)));
        out += refused("unlink", error_of(::unlink((outside_ / "file").c_str())));
        out += refused("mkdir", error_of(::mkdir((outside_ / "d").c_str(), 0700)));
        out += refused("rmdir", error_of(::rmdir(outside_.c_str())));
        out += refused("symlink", error_of(::symlink("x", (outside_ / "s").c_str())));
        out +=
            refused("rename out", error_of(::rename((inside_ / "a/file").c_str(), (outside_ / "f").c_str())));
        out += refused("rename in", error_of(::rename((outside_ / "file").c_str(), (inside_ / "f").c_str())));
        out += refused("link in", error_of(::link((outside_ / "file").c_str(), (inside_ / "f").c_str())));
        out +=
            refused("device", error_of(::mknod((inside_ / "device").c_str(), S_IFBLK | 0600, makedev(7, 0))));
        out += refused("FIFO", error_of(::mkfifo((inside_ / "fifo").c_str(), 0600)));
        return out + allowed("read", open_error(outside_ / "file", O_RDONLY));
    };
    expect_in_sandbox(rules(), check);
    // Landlock alone, without read-only mounts.
    SandboxRules by_landlock = rules();
    by_landlock.links_between = true;
    expect_in_sandbox(by_landlock, check);
    EXPECT_EQ(read_file(outside_ / "file"), "before");
}

// A mount namespace in which unmounts reach others, as systemd makes it.
bool share_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) == 0;
}

// Landlock does not limit these. Only root may mount, and only root could harm others with them.
TEST_F(SandboxTest, RootChangesNoAttributesOutside) {
    if (::geteuid() != 0) GTEST_SKIP() << "only for root";
    expect_in_process([&]() -> std::string {
        if (!share_mounts()) return "cannot share the mounts";
        const Sandbox sandbox(rules(), SandboxMode::require);
        const std::string path = outside_ / "file";
        const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        std::string out = refused("chmod", error_of(::chmod(path.c_str(), 04755)));
        out += refused("fchmod", error_of(::fchmod(fd.get(), 04755)));
        out += refused("chown", error_of(::chown(path.c_str(), 1, 1)));
        return out + refused("utime", error_of(::futimens(fd.get(), nullptr)));
    });
    struct stat st {};
    ASSERT_EQ(::stat((outside_ / "file").c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, 0U);
    EXPECT_EQ(st.st_mode & 04111U, 0U);
}

// Otherwise it would stay in use by the namespace of the sandbox.
TEST_F(SandboxTest, AFilesystemThatIsUnmountedIsInUseNoMore) {
    if (::geteuid() != 0) GTEST_SKIP() << "only for root";
    for (const bool is_shared : {true, false}) {
        expect_in_process([&]() -> std::string {
            if (!share_mounts()) return "cannot share the mounts";
            if (!is_shared && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
                return "private";
            const fs::path place = outside_ / "mounted";
            fs::create_directories(place);
            if (::mount("none", place.c_str(), "tmpfs", 0, nullptr) != 0) return "cannot mount";
            std::array<int, 2> ends{};
            if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "pipe";
            const pid_t pid = ::fork();
            if (pid == 0) {
                const Sandbox sandbox(rules(), SandboxMode::require);
                char byte = 'x';
                static_cast<void>(::write(ends[1], &byte, 1));
                ::pause();
            }
            char byte = 0;
            static_cast<void>(::read(ends[0], &byte, 1));
            const bool unmounted = ::umount(place.c_str()) == 0;
            std::ifstream file(concat("/proc/", pid, "/mountinfo"));
            std::ostringstream text;
            text << file.rdbuf();
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
            return unmounted && !text.str().empty() && text.str().find(place) == std::string::npos
                       ? ""
                       : "still mounted in the sandbox";
        });
    }
}

TEST_F(SandboxTest, NoProgramIsStarted) {
    expect_in_sandbox(rules(), [&] {
        std::string out;
        char name[] = "true";
        char* const argv[] = {name, nullptr};
        char* const environment[] = {nullptr};
        out += concat(error_of(::execve("/bin/true", argv, environment)) == EPERM ? "" : "execve ");
        const Fd program(::open("/bin/true", O_RDONLY | O_CLOEXEC));
        out += concat(
            error_of(::syscall(SYS_execveat, program.get(), "", argv, environment, AT_EMPTY_PATH)) == EPERM
                ? ""
                : "execveat ");
        try {
            Subprocess({.argv = {"true"}}).wait();
            out += "Subprocess ";
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::refused) out += error.what();
        }
        return out;
    });
}

TEST_F(SandboxTest, DangerousCallsAreRefused) {
    expect_in_sandbox(rules(), [&] {
        std::string out;
        const auto is_refused = [&out](std::string_view what, long result, int expected = EPERM) {
            const int error = error_of(result);
            if (error != expected) out += concat(what, ": ", error, '\n');
        };
        is_refused("ptrace", ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr));
        is_refused("mount", ::syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr));
        is_refused("unshare", ::unshare(CLONE_NEWUSER));
        is_refused("clone",
                   ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
        is_refused("clone3", ::syscall(SYS_clone3, nullptr, 0), ENOSYS);
        is_refused("io_uring", ::syscall(SYS_io_uring_setup, 1, nullptr));
        is_refused("bpf", ::syscall(SYS_bpf, 0, nullptr, 0));
        is_refused("keyctl", ::syscall(SYS_keyctl, 0, 0, 0, 0, 0));
        is_refused("open_by_handle_at", ::syscall(SYS_open_by_handle_at, 0, nullptr, 0));
        const Fd terminal(::open("/dev/ptmx", O_RDONLY | O_NOCTTY | O_CLOEXEC));
        is_refused("TIOCSTI", ::ioctl(terminal.get(), TIOCSTI, "x"));
        // The kernel looks at the lower half only.
        is_refused("TIOCSTI with more bits",
                   ::syscall(SYS_ioctl, terminal.get(), (1ULL << 32U) | TIOCSTI, "x"));
        is_refused("AF_UNIX", ::socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
        is_refused("AF_INET", ::socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
        is_refused("AF_PACKET", ::socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
        if (landlock_version() >= 6) is_refused("kill", ::kill(::getppid(), 0));
        return out;
    });
}

TEST_F(SandboxTest, SocketsAreThoseOfTheRules) {
    SandboxRules with_network = rules();
    with_network.calls.network = true;
    expect_in_sandbox(with_network, [] {
        std::string out = allowed("AF_INET", error_of(::socket(AF_INET, SOCK_STREAM, 0)));
        out += allowed("AF_NETLINK", error_of(::socket(AF_NETLINK, SOCK_RAW, 0)));
        return out + (error_of(::socket(AF_NETLINK, SOCK_RAW, 9)) == EAFNOSUPPORT ? "" : "audit");
    });
    SandboxRules listening = rules();
    listening.calls.path_sockets = SyscallRules::PathSockets::listen;
    expect_in_sandbox(listening, [] {
        std::string out = allowed("stream", error_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
        if (error_of(::socket(AF_UNIX, SOCK_DGRAM, 0)) != EAFNOSUPPORT) out += "datagrams";
        const sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "/run/x"};
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto* const generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
        return out + (error_of(::connect(fd, generic, sizeof address)) == EPERM ? "" : "connect");
    });
}

class SandboxThreads : public SandboxTest {};

TEST_F(SandboxThreads, HaveTheSameLimits) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    GTEST_SKIP() << "the sanitizer has a thread of its own, and the sandbox refuses to come so late";
#endif
#endif
    expect_in_sandbox(rules(), [&] {
        std::string out;
        std::thread([&] {
            out = refused("create", open_error(outside_ / "new", O_WRONLY | O_CREAT));
            if (error_of(::unshare(CLONE_NEWUSER)) != EPERM) out += "unshare";
        }).join();
        return out;
    });
}

TEST_F(SandboxTest, TheHelperStartsWhatTheRulesHave) {
    SandboxRules with_program = rules();
    with_program.helper.programs.emplace_back([](const std::vector<std::string>& argv) {
        return argv ==
               std::vector<std::string>{"sh", "-c", "touch \"$0\"; echo words >&2; exit 3", argv.back()};
    });
    with_program.helper.programs.emplace_back([](const std::vector<std::string>& argv) {
        return argv.front() == "sleep" || argv.front() == "absent";
    });
    const std::string mark = outside_ / "mark";
    expect_in_sandbox(with_program, [&]() -> std::string {
        Subprocess child({.argv = {"sh", "-c", "touch \"$0\"; echo words >&2; exit 3", mark}});
        std::optional<ExitState> state;
        while (!state) state = child.wait_for(std::chrono::seconds(10));
        std::string out = state->to_string() == "exit status 3" ? "" : state->to_string();
        out += child.stderr_tail() == "words\n" ? "" : child.stderr_tail();
        // The sandbox may refuse signals to it.
        Subprocess endless({.argv = {"sleep", "600"}});
        if (!endless.terminate(std::chrono::milliseconds(0))) out += "not killed";
        try {
            const Subprocess missing({.argv = {"absent"}});
            out += "no error";
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) out += error.what();
        }
        return out;
    });
    EXPECT_TRUE(fs::exists(mark));
}

TEST_F(SandboxTest, TheHelperCallsFunctions) {
    SandboxRules with_functions = rules();
    with_functions.helper.functions["double"] = [](const std::string& text) { return text + text; };
    with_functions.helper.functions["fail"] = [](const std::string&) -> std::string {
        throw Error(ErrorKind::io, "it failed");
    };
    expect_in_sandbox(with_functions, []() -> std::string {
        const std::string large(3UL << 20U, 'x');
        std::string out = call_helper("double", large) == large + large ? "" : "wrong output ";
        for (const std::string name : {"fail", "unknown"}) {
            try {
                out += call_helper(name, "");
            } catch (const Error& error) {
                const bool is_right = name == "fail" ? std::string(error.what()).ends_with("it failed")
                                                     : error.kind() == ErrorKind::refused;
                if (!is_right) out += error.what();
            }
        }
        return out;
    });
}

TEST_F(SandboxTest, FunctionsMayBeLimitedInTurn) {
    SandboxRules with_function = rules();
    with_function.helper.functions["write"] = [&](const std::string&) -> std::string {
        limit_writes(inside_);
        std::string out = refused("create", open_error(outside_ / "new", O_WRONLY | O_CREAT));
        Subprocess({.argv = {"sh", "-c",
                             concat("touch ", (inside_ / "by-program").string(), "; ! touch ",
                                    (outside_ / "by-program").string())}})
            .wait();
        return out;
    };
    expect_in_sandbox(with_function, [] { return call_helper("write", ""); });
    EXPECT_TRUE(fs::exists(inside_ / "by-program"));
    EXPECT_FALSE(fs::exists(outside_ / "by-program"));
}

TEST_F(SandboxTest, TemporaryFilesAndEmptyDirectoriesGo) {
    SandboxRules with_made = rules();
    const fs::path empty = root_ / "x/y/empty";
    const fs::path used = root_ / "used";
    with_made.made = {{.path = empty, .parents = true}, {.path = used}};
    expect_in_sandbox(with_made, [&]() -> std::string {
        write_file(used / "file");
        fs::create_directories(fs::path(temporary_directory()) / "some/where");
        const Fd unnamed = open_unnamed_file();
        return fs::path(temporary_directory()).parent_path() == temporary_.path() ? "" : "elsewhere";
    });
    EXPECT_FALSE(fs::exists(root_ / "x"));
    EXPECT_TRUE(fs::exists(used / "file"));
    for (const auto& entry : fs::directory_iterator(temporary_.path()))
        EXPECT_FALSE(entry.path().filename().string().starts_with("osb-oci")) << entry.path();
}

TEST_F(SandboxTest, ARepositoryBehindALinkIsWritable) {
    fs::create_directory_symlink(inside_, root_ / "link");
    SandboxRules by_link = rules();
    by_link.writable = {root_ / "link", root_ / "missing"};
    expect_in_sandbox(by_link, [&] {
        return allowed("by the link", open_error(root_ / "link/new", O_WRONLY | O_CREAT)) +
               allowed("directly", open_error(inside_ / "new2", O_WRONLY | O_CREAT));
    });
}

// The verb reports it.
TEST_F(SandboxTest, AFileInThePlaceOfADirectoryIsNotWritable) {
    SandboxRules with_file = rules();
    with_file.writable = {outside_ / "file"};
    with_file.links_between = true;
    expect_in_sandbox(with_file, [&] { return refused("write", open_error(outside_ / "file", O_WRONLY)); });
}

}  // namespace
}  // namespace osb
