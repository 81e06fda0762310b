// Names of refs.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace osb::ostree {

// A name that ostree takes for a ref of this repository. It is always well formed: a path may be built from
// it. Where there may be none, it is a std::optional<RefName>. What Repository::refs() lists is text: others
// may have made it, and that of a remote has the remote's name before it.
class RefName {
  public:
    // Throws Error{usage} for a text that ostree does not take, that could not be told from the beginning of
    // a checksum, or that lies where layers are kept.
    static RefName parse(std::string_view text);
    // Nothing for such a text.
    static std::optional<RefName> try_parse(std::string_view text);
    // "DIRECTORY/ESCAPED": a name that osb-oci itself makes of any text, by escape_ref(). Throws Error as
    // that does; usage for a text that makes a name which ostree does not take ("a/-b").
    static RefName escaped(std::string_view directory, std::string_view text);

    const std::string& text() const noexcept { return text_; }
    const char* c_str() const noexcept { return text_.c_str(); }
    // For concat().
    explicit operator std::string_view() const noexcept { return text_; }

    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 inside a defaulted <=> for a pointer
    auto operator<=>(const RefName&) const = default;
    bool operator==(const RefName&) const = default;
    friend bool operator==(const RefName& ref, std::string_view text) noexcept { return ref.text_ == text; }

    // Makes it a string in a document of nlohmann's, which finds this function by its argument.
    template<typename Json>
    friend void to_json(Json& json, const RefName& ref) {
        json = ref.text_;
    }

  private:
    explicit RefName(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

// Any text as part of an ostree ref, in the escaping that ostree-ext (bootc, rpm-ostree) uses for its refs:
// ASCII letters, digits and '-' stay; '_' becomes "__"; a '/' stays where it separates (after a letter or
// digit, not at the end); any other code point becomes _HEX_: "sha256:2c26" -> "sha256_3A_2c26". `text` must
// not be empty.
std::string escape_ref(std::string_view text);

}  // namespace osb::ostree
