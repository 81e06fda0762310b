// The errors of the project: few kinds, each with an exit status, and context that is added on the way up.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace osb {

// What went wrong, as far as a caller can act on it. exit_status() maps each kind to the program's exit
// status.
enum class ErrorKind {
    internal,         // a bug, or a library that failed for no reason of the input's: 1
    not_found,        // a file, image, tag or ref that was asked for does not exist: 1
    io,               // the operating system failed a call: 1
    refused,          // possible and not done: it would cost the user something. Error::code() says what: 1
    usage,            // the command line was wrong: 2
    invalid,          // input that breaks its specification: 3
    digest_mismatch,  // content that is not what its digest or size says: 3
    unsupported,      // valid input of a kind that cannot be taken: 3
    too_large,        // input beyond a documented limit: 3
    untrusted,        // a signature or a policy says no: 4
    unavailable,      // network or registry: 5
    no_space,         // the disk, or the repository's reserve on it, is full: 6
    nothing_new,      // --check found nothing new: 77
};

// The status with which the program ends for an error of this kind.
int exit_status(ErrorKind kind) noexcept;

// The name of a kind as --json prints it, e.g. "digest_mismatch".
std::string_view to_string(ErrorKind kind) noexcept;

// One failed operation. The message is lower case, without a full stop, and names the object (escaped, see
// base/escape.hh); context is put before it while unwinding: "layer 2: entry 'usr/bin/x': the message".
class Error : public std::exception {
  public:
    Error(ErrorKind kind, std::string message);

    // At most one line of advice, printed after the error. Returns *this for use in a throw expression.
    Error& hint(std::string text) &;
    Error&& hint(std::string text) &&;

    // A stable word for programs, where the kind alone does not tell one error from another: "pinned". A
    // literal; docs/json.md lists them (tests/arch/error_codes.py compares). Returns *this as hint() does.
    Error& code(std::string_view literal) &;
    Error&& code(std::string_view literal) &&;

    // Puts `text` and ": " before the message.
    void add_context(std::string_view text);

    ErrorKind kind() const noexcept { return kind_; }
    // The code, else the kind's name.
    std::string_view code() const noexcept;
    const std::string& message() const noexcept { return message_; }
    const std::string& hint() const noexcept { return hint_; }
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    ErrorKind kind_;
    std::string message_;
    std::string hint_;
    std::string_view code_;
};

// The user asked to stop (SIGINT, SIGTERM). Not an Error, so that no handler for errors swallows it.
class Interrupted : public std::exception {
  public:
    explicit Interrupted(int signal_number) noexcept : signal_(signal_number) {}
    int signal_number() const noexcept { return signal_; }
    const char* what() const noexcept override { return "interrupted"; }

  private:
    int signal_;
};

// An error from errno: "WHAT: No such file or directory". ENOSPC and EDQUOT become no_space, ENOENT
// not_found, everything else io.
Error errno_error(int error_number, std::string_view what);

// Throws errno_error(errno, what).
[[noreturn]] void throw_errno(std::string_view what);

// Runs f and, when it throws an Error, adds context() to it on the way up.
template<typename Context, typename F>
auto with_context(const Context& context, F&& f) -> decltype(f()) {
    try {
        return std::forward<F>(f)();
    } catch (Error& error) {
        error.add_context(context());
        throw;
    }
}

}  // namespace osb
