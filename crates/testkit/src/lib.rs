//! What tests share: the adversarial world that runs the pure core through crashes and mischief. Knows nothing of real
//! processes, files or git.

pub mod sim;
