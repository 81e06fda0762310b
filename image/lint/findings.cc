#include "image/lint/findings.hh"

#include <utility>

#include "base/bytes.hh"

namespace osb::image {

std::string_view to_string(Severity severity) noexcept {
    return severity == Severity::error ? "error" : "warning";
}

void Findings::begin(std::string_view check) {
    check_ = check;
    kept_ = 0;
    more_ = 0;
    worst_of_more_ = Severity::warning;
}

void Findings::add(Severity severity, std::string_view path, std::string message, std::string fix) {
    if (kept_ == kMaxPerCheck) {
        ++more_;
        if (severity == Severity::error) worst_of_more_ = Severity::error;
        return;
    }
    ++kept_;
    std::string shown(path);
    if (!shown.empty() && !shown.starts_with('/')) shown.insert(0, 1, '/');
    out_.push_back({.check = check_,
                    .severity = severity,
                    .path = std::move(shown),
                    .message = std::move(message),
                    .fix = std::move(fix)});
}

void Findings::known(Severity severity, std::string_view path, std::string message, std::string fix) {
    const std::size_t before = out_.size();
    add(severity, path, std::move(message), std::move(fix));
    if (out_.size() > before) out_.back().import_warns_of_it = true;
}

void Findings::end() {
    if (more_ == 0) return;
    out_.push_back(
        {.check = check_,
         .severity = worst_of_more_,
         .path = {},
         .message = concat("and ", more_, more_ == 1 ? " more finding" : " more findings", " of this check"),
         .fix = {}});
}

}  // namespace osb::image
