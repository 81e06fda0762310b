// Key files, the format of origin files: groups of keys and values, as GLib's GKeyFile reads them
// (Desktop Entry Specification, "Basic format of the file").
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace osb::ostree {

// Comments are not kept. Of a key that is there twice the last value holds.
class KeyFile {
  public:
    KeyFile();
    KeyFile(KeyFile&& other) noexcept;
    KeyFile& operator=(KeyFile&& other) noexcept;
    KeyFile(const KeyFile&) = delete;
    KeyFile& operator=(const KeyFile&) = delete;
    ~KeyFile();

    // Throws Error{invalid}.
    static KeyFile parse(std::string_view text);

    // The value, its escapes resolved; nothing when there is none. Throws Error{invalid} for an escape that
    // the format does not have, or text that is not UTF-8.
    std::optional<std::string> get(const std::string& group, const std::string& key) const;
    // Escapes what the format cannot hold as it is.
    void set(const std::string& group, const std::string& key, const std::string& value);
    // Nothing where it is not there. A group that this leaves empty goes, too.
    void remove(const std::string& group, const std::string& key);
    void remove_group(const std::string& group);

    std::string to_string() const;

  private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

}  // namespace osb::ostree
