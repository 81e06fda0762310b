#include "base/error.hh"

#include <cerrno>
#include <system_error>
#include <utility>

namespace osb {

int exit_status(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::internal:
        case ErrorKind::not_found:
        case ErrorKind::io:
        case ErrorKind::refused:
            return 1;
        case ErrorKind::usage:
            return 2;
        case ErrorKind::invalid:
        case ErrorKind::digest_mismatch:
        case ErrorKind::unsupported:
        case ErrorKind::too_large:
            return 3;
        case ErrorKind::untrusted:
            return 4;
        case ErrorKind::unavailable:
            return 5;
        case ErrorKind::no_space:
            return 6;
        case ErrorKind::nothing_new:
            return 77;
    }
    return 1;
}

std::string_view to_string(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::internal:
            return "internal";
        case ErrorKind::not_found:
            return "not_found";
        case ErrorKind::io:
            return "io";
        case ErrorKind::refused:
            return "refused";
        case ErrorKind::usage:
            return "usage";
        case ErrorKind::invalid:
            return "invalid";
        case ErrorKind::digest_mismatch:
            return "digest_mismatch";
        case ErrorKind::unsupported:
            return "unsupported";
        case ErrorKind::too_large:
            return "too_large";
        case ErrorKind::untrusted:
            return "untrusted";
        case ErrorKind::unavailable:
            return "unavailable";
        case ErrorKind::no_space:
            return "no_space";
        case ErrorKind::nothing_new:
            return "nothing_new";
    }
    return "internal";
}

Error::Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

Error& Error::hint(std::string text) & {
    hint_ = std::move(text);
    return *this;
}

Error&& Error::hint(std::string text) && {
    hint_ = std::move(text);
    return std::move(*this);
}

Error& Error::code(std::string_view literal) & {
    code_ = literal;
    return *this;
}

Error&& Error::code(std::string_view literal) && {
    code_ = literal;
    return std::move(*this);
}

std::string_view Error::code() const noexcept {
    return code_.empty() ? to_string(kind_) : code_;
}

void Error::add_context(std::string_view text) {
    message_.insert(0, ": ");
    message_.insert(0, text);
}

Error errno_error(int error_number, std::string_view what) {
    ErrorKind kind = ErrorKind::io;
    if (error_number == ENOSPC || error_number == EDQUOT) kind = ErrorKind::no_space;
    if (error_number == ENOENT) kind = ErrorKind::not_found;
    // generic_category's text, unlike strerror's buffer, is safe with threads on every libc.
    return {kind, std::string(what) + ": " + std::generic_category().message(error_number)};
}

void throw_errno(std::string_view what) {
    throw errno_error(errno, what);
}

}  // namespace osb
