// Runs in each test file before its tests: what every kind of test shares.
export {};
