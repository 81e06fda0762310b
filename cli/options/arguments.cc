#include "cli/options/arguments.hh"

#include <algorithm>

namespace osb::cli {

bool Argument::is_flag() const noexcept {
    return std::holds_alternative<std::monostate>(target) || std::holds_alternative<bool*>(target) ||
           std::holds_alternative<std::optional<bool>*>(target);
}

const Argument* Arguments::find(std::string_view name) const noexcept {
    const auto found =
        std::find_if(rows_.begin(), rows_.end(), [&](const Argument& row) { return row.name == name; });
    return found == rows_.end() ? nullptr : &*found;
}

std::vector<std::string_view> Arguments::excluded_by(const Argument& row) const {
    std::vector<std::string_view> out;
    for (const Argument& other : rows_) {
        const auto names = [](const Argument& a, const Argument& b) {
            return std::find(a.excludes.begin(), a.excludes.end(), b.name) != a.excludes.end();
        };
        if (names(row, other) || names(other, row)) out.push_back(other.name);
    }
    return out;
}

}  // namespace osb::cli
