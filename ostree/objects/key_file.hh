// Key files, the format of origin files: groups of keys and values, with the syntax of GLib's GKeyFile
// (Desktop Entry Specification, "Basic format of the file").
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace osb::ostree {

// The content of a key file. Comments are not kept. If a key occurs twice, the last value wins.
class KeyFile {
  public:
    KeyFile();
    KeyFile(KeyFile&& other) noexcept;
    KeyFile& operator=(KeyFile&& other) noexcept;
    KeyFile(const KeyFile&) = delete;
    KeyFile& operator=(const KeyFile&) = delete;
    ~KeyFile();

    // Throws Error{invalid} for malformed text.
    static KeyFile parse(std::string_view text);

    // The unescaped value, or nullopt if it is missing. Throws Error{invalid} for an unknown escape, or text
    // that is not UTF-8.
    std::optional<std::string> get(const std::string& group, const std::string& key) const;
    // Sets a value and escapes it as necessary.
    void set(const std::string& group, const std::string& key, const std::string& value);
    // Idempotent: does nothing if the key is missing. Also removes a group that becomes empty.
    void remove(const std::string& group, const std::string& key);
    void remove_group(const std::string& group);

    std::string to_string() const;

  private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

}  // namespace osb::ostree
