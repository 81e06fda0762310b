#include "ostree/union/apk_version.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace osb::ostree {
namespace {

// The kinds of a version's parts, in ascending order: of two versions that are equal so far, the one whose
// next part has the higher kind is newer, except that a suffix of a pre-release is older than the end.
enum class PartKind : std::uint8_t { pre_suffix, end, revision, suffix, letter, number };

struct Part {
    PartKind kind = PartKind::end;
    std::uint64_t value = 0;  // of a number, a letter, a revision; the order of a suffix
    std::uint64_t count = 0;  // the number behind a suffix
    std::string_view digits;  // of a number after a leading zero, which is compared as a fraction
};

constexpr std::array<std::string_view, 4> kPreSuffixes{"alpha", "beta", "pre", "rc"};
constexpr std::array<std::string_view, 5> kSuffixes{"cvs", "svn", "git", "hg", "p"};

bool is_digit_of(char c) noexcept {
    return c >= '0' && c <= '9';
}

class VersionReader {
  public:
    explicit VersionReader(std::string_view text) : rest_(text) {}

    // The parts; nullopt if the text is not a version.
    std::optional<std::vector<Part>> read() {
        if (!read_number(true)) return std::nullopt;
        while (take('.')) {
            if (!read_number(false)) return std::nullopt;
        }
        if (!rest_.empty() && rest_.front() >= 'a' && rest_.front() <= 'z') {
            parts_.push_back({.kind = PartKind::letter, .value = static_cast<std::uint64_t>(rest_.front())});
            rest_.remove_prefix(1);
        }
        while (take('_')) {
            if (!read_suffix()) return std::nullopt;
        }
        if (take('~')) {  // the hash of a commit, which has no order
            const std::size_t end = std::min(rest_.find_first_not_of("0123456789abcdef"), rest_.size());
            if (end == 0) return std::nullopt;
            rest_.remove_prefix(end);
        }
        if (rest_.starts_with("-r")) {
            rest_.remove_prefix(2);
            const auto digits = take_digits();
            if (digits.empty()) return std::nullopt;
            parts_.push_back({.kind = PartKind::revision, .value = value_of(digits)});
        }
        if (!rest_.empty()) return std::nullopt;
        return std::move(parts_);
    }

  private:
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::string_view take_digits() {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_digit_of);
        const std::string_view out = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(out.size());
        return out;
    }

    // Saturates, because such a version only has to be larger.
    static std::uint64_t value_of(std::string_view digits) {
        constexpr std::size_t kMaxDigits = 19;
        while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
        if (digits.size() > kMaxDigits) return UINT64_MAX;
        std::uint64_t out = 0;
        for (const char c : digits) out = out * 10 + static_cast<std::uint64_t>(c - '0');
        return out;
    }

    bool read_number(bool is_first) {
        const std::string_view digits = take_digits();
        if (digits.empty()) return false;
        const bool is_fraction = !is_first && digits.size() > 1 && digits.front() == '0';
        parts_.push_back({.kind = PartKind::number,
                          .value = value_of(digits),
                          .count = 0,
                          .digits = is_fraction ? digits : std::string_view()});
        return true;
    }

    bool read_suffix() {
        const auto find = [this](const auto& names, PartKind kind) {
            for (std::size_t i = 0; i < names.size(); ++i) {
                if (!rest_.starts_with(names[i])) continue;
                // "p" is also the beginning of "pre".
                const std::string_view after = rest_.substr(names[i].size());
                if (!after.empty() && after.front() >= 'a' && after.front() <= 'z') continue;
                rest_ = after;
                parts_.push_back({.kind = kind, .value = i, .count = value_of(take_digits())});
                return true;
            }
            return false;
        };
        return find(kPreSuffixes, PartKind::pre_suffix) || find(kSuffixes, PartKind::suffix);
    }

    std::string_view rest_;
    std::vector<Part> parts_;
};

template<typename T>
int order(const T& a, const T& b) {
    return a < b ? -1 : (b < a ? 1 : 0);
}

int compare_parts(const Part& a, const Part& b) {
    if (a.kind != b.kind) return order(a.kind, b.kind);
    if (!a.digits.empty() || !b.digits.empty()) {
        const std::string left = a.digits.empty() ? std::to_string(a.value) : std::string(a.digits);
        const std::string right = b.digits.empty() ? std::to_string(b.value) : std::string(b.digits);
        return order(left, right);
    }
    if (const int by_value = order(a.value, b.value); by_value != 0) return by_value;
    return order(a.count, b.count);
}

}  // namespace

int compare_apk_versions(std::string_view a, std::string_view b) {
    const auto left = VersionReader(a).read();
    const auto right = VersionReader(b).read();
    if (!left || !right) return order(a, b);
    for (std::size_t i = 0; i < std::max(left->size(), right->size()); ++i) {
        const int result =
            compare_parts(i < left->size() ? (*left)[i] : Part{}, i < right->size() ? (*right)[i] : Part{});
        if (result != 0) return result;
    }
    return 0;
}

std::string_view dependency_name(std::string_view dependency) noexcept {
    if (dependency.starts_with('!')) dependency.remove_prefix(1);
    return dependency.substr(0, dependency.find_first_of("<>=~@"));
}

bool satisfies(std::string_view dependency, std::string_view name, std::string_view version) {
    if (dependency.starts_with('!') || dependency_name(dependency) != name) return false;
    std::string_view rest = dependency.substr(name.size());
    if (rest.starts_with('@')) rest.remove_prefix(std::min(rest.find_first_of("<>=~"), rest.size()));
    const std::size_t end = std::min(rest.find_first_not_of("<>=~"), rest.size());
    const std::string_view op = rest.substr(0, end);
    const std::string_view wanted = rest.substr(end);
    if (op.empty()) return true;
    if (op.find('~') != std::string_view::npos) {
        // A prefix of the version that ends between two parts.
        if (!version.starts_with(wanted)) return false;
        return version.size() == wanted.size() || !is_digit_of(version[wanted.size()]);
    }
    if (op == "><") return true;  // a checksum: the name decides
    const int result = compare_apk_versions(version, wanted);
    return (result < 0 && op.find('<') != std::string_view::npos) ||
           (result > 0 && op.find('>') != std::string_view::npos) ||
           (result == 0 && op.find('=') != std::string_view::npos);
}

}  // namespace osb::ostree
