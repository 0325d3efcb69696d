// Nothing: CMake wants a file in the target that owns the precompiled headers of the tests.
