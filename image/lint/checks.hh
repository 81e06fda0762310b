// The table of checks of `lint`. To add a check, add one row to the table of a group, and a row to
// docs/lint.md (a unit test compares them).
#pragma once

#include <span>
#include <string_view>

#include "image/lint/findings.hh"
#include "image/lint/lint_context.hh"

namespace osb::image {

// A row.
struct LintCheck {
    std::string_view name;         // a short noun; stable for scripts
    std::string_view description;  // what it finds, one line without a full stop
    // Adds what it finds. Throws Error only if the tree cannot be read.
    void (*run)(const LintContext& context, Findings& findings);
};

// The groups.
std::span<const LintCheck> layout_checks();
std::span<const LintCheck> boot_checks();
std::span<const LintCheck> configuration_checks();
std::span<const LintCheck> service_checks();
std::span<const LintCheck> content_checks();
std::span<const LintCheck> permission_checks();
std::span<const LintCheck> secret_checks();

}  // namespace osb::image
