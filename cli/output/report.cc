#include "cli/output/report.hh"

#include <csignal>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/secret.hh"
#include "cli/output/json_output.hh"

namespace osb::cli {
namespace {

struct Failure {
    std::string kind;
    std::string code;
    std::string message;
    std::string hint;
    int status = 1;
};

std::string signal_name(int number) {
    if (number == SIGINT) return "SIGINT";
    if (number == SIGTERM) return "SIGTERM";
    if (number == SIGHUP) return "SIGHUP";
    return concat("signal ", number);
}

Failure present_failure() {
    // As in a shell, for a process that a signal ended.
    constexpr int kSignalBase = 128;
    try {
        throw;
    } catch (const Error& error) {
        return {.kind = std::string(to_string(error.kind())),
                .code = std::string(error.code()),
                .message = without_secrets(error.message()),
                .hint = without_secrets(error.hint()),
                .status = exit_status(error.kind())};
    } catch (const Interrupted& interrupted) {
        const int number = interrupted.signal_number();
        return {.kind = "interrupted",
                .code = "interrupted",
                .message = concat("interrupted by ", signal_name(number)),
                .hint = "",
                .status = kSignalBase + number};
    } catch (const std::bad_alloc&) {
        return {.kind = "internal", .code = "internal", .message = "out of memory", .hint = "", .status = 1};
    } catch (const std::exception& error) {
        return {.kind = "internal",
                .code = "internal",
                .message = without_secrets(concat("unexpected: ", error.what())),
                .hint = "",
                .status = 1};
    } catch (...) {
        return {.kind = "internal",
                .code = "internal",
                .message = "unexpected exception",
                .hint = "",
                .status = 1};
    }
}

}  // namespace

int report_failure(Console& console, bool json) {
    const Failure failure = present_failure();
    console.set_status("");
    console.line(Style::error, "osb-oci: error: ", failure.message);
    if (!failure.hint.empty()) console.line(Style::hint, "hint: ", failure.hint);
    if (json) {
        const OrderedJson object{{"error",
                                  {{"kind", failure.kind},
                                   {"code", failure.code},
                                   {"message", failure.message},
                                   {"hint", failure.hint},
                                   {"status", failure.status}}}};
        console.io().out << to_document(object) << std::flush;
    }
    return failure.status;
}

}  // namespace osb::cli
