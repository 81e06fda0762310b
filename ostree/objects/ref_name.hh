// Names of refs.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace osb::ostree {

// A valid ref name for this repository. Always well formed, so it is safe in a path. An optional ref is a
// std::optional<RefName>. Repository::refs() returns plain text instead, because other programs may have
// created the refs, and a remote's ref starts with the name of the remote.
class RefName {
  public:
    // Throws Error{usage} for a name that ostree rejects, that looks like an abbreviated checksum, or that is
    // in the namespace of layers.
    static RefName parse(std::string_view text);
    // Returns nullopt instead of throwing.
    static std::optional<RefName> try_parse(std::string_view text);
    // "DIRECTORY/ESCAPED": a name that osb-oci derives from any text with escape_ref(). Throws Error as
    // escape_ref(); usage if ostree rejects the result ("a/-b").
    static RefName escaped(std::string_view directory, std::string_view text);

    const std::string& text() const noexcept { return text_; }
    const char* c_str() const noexcept { return text_.c_str(); }
    // For concat().
    explicit operator std::string_view() const noexcept { return text_; }

    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 inside a defaulted <=> for a pointer
    auto operator<=>(const RefName&) const = default;
    bool operator==(const RefName&) const = default;
    friend bool operator==(const RefName& ref, std::string_view text) noexcept { return ref.text_ == text; }

    // Converts to a JSON string of nlohmann::json, which finds this function by argument-dependent lookup.
    template<typename Json>
    friend void to_json(Json& json, const RefName& ref) {
        json = ref.text_;
    }

  private:
    explicit RefName(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

// Escapes any text for an ostree ref, as ostree-ext (bootc, rpm-ostree) does. ASCII letters, digits and '-'
// stay. '_' becomes "__". A '/' stays if it separates (after a letter or digit, not at the end). Any other
// code point becomes _HEX_: "sha256:2c26" -> "sha256_3A_2c26". `text` must not be empty.
std::string escape_ref(std::string_view text);

}  // namespace osb::ostree
