#include "ostree/objects/key_file.hh"

#include "base/escape.hh"
#include "ostree/objects/glib.hh"

namespace osb::ostree {

struct KeyFile::Handle {
    GKeyFilePtr file;
};

KeyFile::KeyFile() : handle_(std::make_unique<Handle>(Handle{GKeyFilePtr(g_key_file_new())})) {}
KeyFile::KeyFile(KeyFile&& other) noexcept = default;
KeyFile& KeyFile::operator=(KeyFile&& other) noexcept = default;
KeyFile::~KeyFile() = default;

// Copies each key once: if a file has a key twice, GLib would only remove the last one.
KeyFile KeyFile::parse(std::string_view text) {
    const GKeyFilePtr file = parse_key_file(text);
    KeyFile out;
    const std::unique_ptr<char*, GStringListDeleter> groups(g_key_file_get_groups(file.get(), nullptr));
    for (char** group = groups.get(); *group != nullptr; ++group) {
        const std::unique_ptr<char*, GStringListDeleter> keys(
            g_key_file_get_keys(file.get(), *group, nullptr, nullptr));
        if (!keys) continue;
        for (char** key = keys.get(); *key != nullptr; ++key) {
            const GStringPtr value(g_key_file_get_value(file.get(), *group, *key, nullptr));
            if (value) g_key_file_set_value(out.handle_->file.get(), *group, *key, value.get());
        }
    }
    return out;
}

std::optional<std::string> KeyFile::get(const std::string& group, const std::string& key) const {
    GErrorSlot error;
    const GStringPtr value(
        g_key_file_get_string(handle_->file.get(), group.c_str(), key.c_str(), error.out()));
    // GLib returns a value even after an error about an escape.
    if (value && !error.is_set()) return value.get();
    if (error.matches(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND) ||
        error.matches(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND)) {
        return std::nullopt;
    }
    error.raise(concat("the value of ", quoted(key)));
}

void KeyFile::set(const std::string& group, const std::string& key, const std::string& value) {
    g_key_file_set_string(handle_->file.get(), group.c_str(), key.c_str(), value.c_str());
}

void KeyFile::remove(const std::string& group, const std::string& key) {
    g_key_file_remove_key(handle_->file.get(), group.c_str(), key.c_str(), nullptr);
    gsize left = 0;
    const std::unique_ptr<char*, GStringListDeleter> keys(
        g_key_file_get_keys(handle_->file.get(), group.c_str(), &left, nullptr));
    if (keys && left == 0) remove_group(group);
}

void KeyFile::remove_group(const std::string& group) {
    g_key_file_remove_group(handle_->file.get(), group.c_str(), nullptr);  // a missing group is not an error
}

std::string KeyFile::to_string() const {
    return key_file_text(handle_->file.get());
}

}  // namespace osb::ostree
