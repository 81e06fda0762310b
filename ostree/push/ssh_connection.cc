#include "ostree/push/ssh_connection.hh"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/pipe.hh"

namespace osb::ostree {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// The time limit to connect and to authenticate. A security key may require a touch.
constexpr auto kConnectLimit = std::chrono::seconds(120);

// Runs a program that ends together with this process, even if this process is killed. Descriptor 3 is a
// pipe, whose other end this process holds.
constexpr const char* kTethered =
    "\"$@\" 3<&- & child=$!; "
    "{ read -r line <&3; kill \"$child\"; } >/dev/null 2>&1 & watcher=$!; "
    "exec 3<&-; wait \"$child\"; status=$?; kill \"$watcher\"; exit $status";
constexpr int kTether = 3;
constexpr int kNoSuchProgram = 127;  // in a shell

// The last line of `text` that is not empty.
std::string_view last_line(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    const std::size_t line_end = text.find_last_of("\r\n");
    return line_end == std::string_view::npos ? text : text.substr(line_end + 1);
}

[[noreturn]] void fail_to_connect(const std::string& host, const ExitState& state,
                                  const std::string& errors) {
    if (!state.signalled && state.value == kNoSuchProgram)
        throw Error(ErrorKind::not_found, "the program ssh is not installed")
            .hint("install OpenSSH's client");
    const std::string_view why = last_line(errors);
    const std::string message =
        concat("cannot connect to ", quoted(host), " by ssh", why.empty() ? "" : ": ", escape(why));
    if (why.find("Host key verification failed") != std::string_view::npos) {
        throw Error(ErrorKind::untrusted, message)
            .hint("its key is missing from known_hosts or differs; connect by hand once and compare it");
    }
    if (why.find("Permission denied") != std::string_view::npos) {
        throw Error(ErrorKind::unavailable, message)
            .hint(
                "ssh asks for passwords only on a terminal: else use a key from an agent, or without a "
                "passphrase");
    }
    throw Error(ErrorKind::unavailable, message);
}

// Splits a stream into lines.
class Lines {
  public:
    explicit Lines(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}

    void add(std::string_view text) {
        for (const char c : text) {
            if (c == '\n') {
                flush();
            } else if (line_.size() < SshConnection::kMaxLine) {
                line_ += c;
            }
        }
    }
    void flush() {
        if (!line_.empty() && line_.back() == '\r') line_.pop_back();
        if (!line_.empty()) on_line_(line_);
        line_.clear();
    }

  private:
    const std::function<void(std::string_view)>& on_line_;
    std::string line_;
};

// Reads the available bytes. Returns false at the end of the stream.
bool read_lines(int fd, Lines& lines) {
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return true;
        if (n < 0) throw_errno("cannot read the output of ssh");
        if (n == 0) return false;
        lines.add({buffer.data(), static_cast<std::size_t>(n)});
    }
}

}  // namespace

std::vector<std::string> ssh_master_arguments(const SshTarget& target, const std::string& control_path,
                                              bool may_ask) {
    std::vector<std::string> out{"sh", "-c", kTethered, "sh", "ssh", "-N", "-M", "-S", control_path};
    // Forwardings in the user's configuration are not needed.
    for (const char* option :
         {may_ask ? "BatchMode=no" : "BatchMode=yes", "ControlPersist=no", "ClearAllForwardings=yes",
          "ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=4"}) {
        out.insert(out.end(), {"-o", option});
    }
    if (target.port != 0) out.insert(out.end(), {"-p", concat(target.port)});
    if (!target.user.empty()) out.insert(out.end(), {"-l", target.user});
    out.insert(out.end(), {"--", target.host});
    return out;
}

SshConnection::SshConnection(const SshTarget& target, std::string control_path, bool may_ask)
    : host_(target.host),
      control_path_(std::move(control_path)),
      tether_(make_pipe()),
      master_({.argv = ssh_master_arguments(target, control_path_, may_ask),
               .environment = {},
               .inherited = {{tether_.reader.get(), kTether}},
               .shares_process_group = may_ask}) {
    wait_until_connected();
}

SshConnection::~SshConnection() {
    try {
        // Close the connection in order, so that the server's log has no error.
        run_program(client({"-O", "exit", "--", host_}), [](std::string_view) {});
        master_.terminate(milliseconds(1000));
    } catch (...) {
        log_debug("ssh did not close the connection in order");  // the destructor of master_ ends it
    }
}

void SshConnection::wait_until_connected() {
    // The socket appears once the server has granted access.
    const auto deadline = SteadyClock::now() + kConnectLimit;
    while (::access(control_path_.c_str(), F_OK) != 0) {
        if (const auto state = master_.wait_for(milliseconds(20)))
            fail_to_connect(host_, *state, master_.stderr_tail());
        if (SteadyClock::now() > deadline) {
            throw Error(ErrorKind::unavailable,
                        concat("cannot connect to ", quoted(host_), " by ssh: no answer in two minutes"));
        }
    }
}

// A client of the master reads no configuration, because its forwardings and commands are not meant for it.
std::vector<std::string> SshConnection::client(const std::vector<std::string>& arguments) const {
    std::vector<std::string> out{"ssh", "-F", "none", "-S", control_path_};
    out.insert(out.end(), arguments.begin(), arguments.end());
    return out;
}

ExitState SshConnection::run_program(const std::vector<std::string>& argv,
                                     const std::function<void(std::string_view)>& on_line) {
    Pipe pipe = make_pipe();
    const int flags = ::fcntl(pipe.reader.get(), F_GETFL);
    if (flags < 0 || ::fcntl(pipe.reader.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        throw_errno("cannot set up a pipe");
    Subprocess child({.argv = argv,
                      .environment = {},
                      .inherited = {{pipe.writer.get(), STDOUT_FILENO}, {pipe.writer.get(), STDERR_FILENO}}});
    pipe.writer.close();
    Lines lines(on_line);
    for (bool open = true; open;) {
        constexpr int kTick = 100;  // in milliseconds
        pollfd entry{.fd = pipe.reader.get(), .events = POLLIN, .revents = 0};
        if (::poll(&entry, 1, kTick) < 0 && errno != EINTR) throw_errno("cannot wait for ssh");
        check_interrupt();
        // Check the child before reading, so that nothing is left unread when it has ended. Its own children
        // may keep the pipe open for longer.
        const bool ended = child.wait_for(milliseconds(0)).has_value();
        open = read_lines(pipe.reader.get(), lines) && !ended;
    }
    lines.flush();
    std::optional<ExitState> state;
    while (!state) state = child.wait_for(milliseconds(1000));
    return *state;
}

std::uint16_t SshConnection::forward(const std::string& socket_path) {
    // Request an explicit address. Without one, sshd opens a port of ::1, and ignores that another user may
    // have the same port of 127.0.0.1, who would then receive our connections. The form without an address is
    // the fallback for a server whose permitlisten only allows "localhost".
    std::string output;
    for (const char* listen : {"127.0.0.1:0:", "0:"}) {
        output.clear();
        const ExitState state =
            run_program(client({"-O", "forward", "-R", concat(listen, socket_path), "--", host_}),
                        [&](std::string_view line) { output = line; });
        std::uint16_t port = 0;
        const char* const end = output.data() + output.size();
        const auto [stop, error] = std::from_chars(output.data(), end, port);
        if (state.ok() && error == std::errc{} && stop == end && port != 0) return port;
    }
    throw Error(ErrorKind::unavailable, concat(quoted(host_), " does not forward a port",
                                               output.empty() ? "" : ": ", escape(last_line(output))))
        .hint("allow AllowTcpForwarding in its sshd_config for ostree-push");
}

ExitState SshConnection::run(const std::string& command,
                             const std::function<void(std::string_view)>& on_line) {
    ExitState state = run_program(client({"-T", "--", host_, command}), on_line);
    // If the master has ended, the status of the client is not that of the command.
    if (!state.ok() && master_.wait_for(milliseconds(0))) state = {.signalled = false, .value = kSshFailed};
    return state;
}

}  // namespace osb::ostree
