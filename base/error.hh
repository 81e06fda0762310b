// The error type of the project. Each error has a kind, which selects the exit status, and a message to which
// callers add context.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace osb {

// The category of an error, as far as a caller can act on it. exit_status() maps each kind to an exit status
// of the program, which is the number after the colon below.
enum class ErrorKind {
    internal,         // a bug, or a library failed although its input was correct: 1
    not_found,        // the requested file, image, tag or ref does not exist: 1
    io,               // a system call failed: 1
    refused,          // possible, but the user would lose something; Error::code() names the reason: 1
    usage,            // the command line was wrong: 2
    invalid,          // input that breaks its specification: 3
    digest_mismatch,  // the content does not match its digest or size: 3
    unsupported,      // the input is valid, but its kind is not supported: 3
    too_large,        // the input exceeds a documented limit: 3
    untrusted,        // a signature or a policy rejects the input: 4
    unavailable,      // network or registry: 5
    no_space,         // the disk, or the repository's reserve on it, is full: 6
    nothing_new,      // --check found nothing new: 77
};

// The exit status of the program for an error of this kind.
int exit_status(ErrorKind kind) noexcept;

// The name of a kind as --json prints it, e.g. "digest_mismatch".
std::string_view to_string(ErrorKind kind) noexcept;

// A failed operation. The message is lower case, has no full stop, and names the object (escaped, see
// base/escape.hh). Callers prepend context: "layer 2: entry 'usr/bin/x': the message".
class Error : public std::exception {
  public:
    Error(ErrorKind kind, std::string message);

    // Sets at most one line of advice, which is printed after the error. Returns *this for a throw
    // expression.
    Error& hint(std::string text) &;
    Error&& hint(std::string text) &&;

    // Sets a stable identifier for programs, such as "pinned", if the kind is not specific enough. It must be
    // a string literal. docs/json.md lists all codes (tests/arch/error_codes.py compares). Returns *this.
    Error& code(std::string_view literal) &;
    Error&& code(std::string_view literal) &&;

    // Prepends `text` and ": " to the message.
    void add_context(std::string_view text);

    ErrorKind kind() const noexcept { return kind_; }
    // The code if it is set, otherwise the name of the kind.
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

// The user requested a stop (SIGINT, SIGTERM). This is not an Error, so that error handlers do not swallow
// it.
class Interrupted : public std::exception {
  public:
    explicit Interrupted(int signal_number) noexcept : signal_(signal_number) {}
    int signal_number() const noexcept { return signal_; }
    const char* what() const noexcept override { return "interrupted"; }

  private:
    int signal_;
};

// Makes an error from errno: "WHAT: No such file or directory". ENOSPC and EDQUOT map to no_space, ENOENT
// maps to not_found, and everything else maps to io.
Error errno_error(int error_number, std::string_view what);

// Throws errno_error(errno, what).
[[noreturn]] void throw_errno(std::string_view what);

// Runs f. If f throws an Error, adds context() to it and rethrows it.
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
