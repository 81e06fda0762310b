// The identity of a commit: its checksum. The bytes of the commit object are called `commit_object` or bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/hash.hh"

namespace osb::ostree {

// 64 lower-case hexadecimal digits. Always well formed, so it is safe in a path, a ref or a message. An
// optional commit is a std::optional<CommitId>.
class CommitId {
  public:
    // Throws Error{invalid} for anything but 64 lower-case hexadecimal digits.
    static CommitId parse(std::string_view text);
    // Returns nullopt instead of throwing.
    static std::optional<CommitId> try_parse(std::string_view text) noexcept;
    explicit CommitId(const Sha256& checksum);

    // Both views are valid during the lifetime of this object.
    std::string_view text() const noexcept { return {text_.data(), kSize}; }
    // The first 12 digits, for display.
    std::string_view short_text() const noexcept { return text().substr(0, kShortSize); }
    const char* c_str() const noexcept { return text_.data(); }
    // For concat().
    explicit operator std::string_view() const noexcept { return text(); }
    Sha256 checksum() const;

    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 inside a defaulted <=> for a pointer
    auto operator<=>(const CommitId&) const = default;
    bool operator==(const CommitId&) const = default;
    friend bool operator==(const CommitId& id, std::string_view text) noexcept { return id.text() == text; }

    // Converts to a JSON string of nlohmann::json, which finds this function by argument-dependent lookup.
    template<typename Json>
    friend void to_json(Json& json, const CommitId& id) {
        json = id.text();
    }

  private:
    static constexpr std::size_t kSize = 64;
    static constexpr std::size_t kShortSize = 12;

    CommitId() = default;

    std::array<char, kSize + 1> text_{};  // with a NUL, for libostree
};

// The text of a commit, "" for nullopt. For messages and documents that have no other form for it.
inline std::string_view text_or_empty(const std::optional<CommitId>& id) noexcept {
    return id ? id->text() : std::string_view();
}

}  // namespace osb::ostree
