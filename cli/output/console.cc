#include "cli/output/console.hh"

#include "base/bytes.hh"
#include "cli/output/format.hh"

namespace osb::cli {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr std::string_view kReset = "\x1b[0m";

std::string_view colour_of(Style style) {
    switch (style) {
        case Style::plain:
            return "";
        case Style::error:
            return "\x1b[1;31m";
        case Style::warning:
            return "\x1b[1;33m";
        case Style::hint:
            return "\x1b[36m";
    }
    return "";
}

}  // namespace

std::string in_style(Style style, std::string_view text) {
    const std::string_view colour = colour_of(style);
    return concat(colour, text, colour.empty() ? "" : kReset);
}

void Console::line(Style style, std::string_view label, std::string_view text) {
    raw_line(concat(in_style(colour_ ? style : Style::plain, label), printable(text)));
}

void Console::raw_line(std::string_view text) {
    const std::lock_guard lock(mutex_);
    // Use a single write, so that lines of two processes on one terminal do not mix.
    std::string out;
    if (!status_.empty()) out += kClearLine;
    out += text;
    out += '\n';
    out += status_;
    write(out);
}

void Console::set_status(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (text.empty() && status_.empty()) return;
    status_ = text;
    write(concat(kClearLine, text));
}

void Console::write(std::string_view text) {
    io_.err << text << std::flush;
}

}  // namespace osb::cli
