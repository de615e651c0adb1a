//! A certificate authority of one's own, for a GitHub whose certificate no public one vouches for.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// What to do about a certificate that nobody known vouches for.
pub(super) const UNKNOWN: &str = "name the file with its authority's certificate: forge.ca_file";

/// The authorities that are trusted, and no others.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The file, for git.
    pub(super) file: PathBuf,
    /// A folder without any, for what git would look for besides the file.
    pub(super) none: Arc<TempDir>,
    certificates: Arc<Vec<Certificate<'static>>>,
}

/// The file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It cannot be read.
    #[error("forge.ca_file {path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// It holds no certificate.
    #[error("forge.ca_file {path} holds no certificate in PEM form")]
    Empty {
        /// The file.
        path: String,
    },
}

impl Authority {
    /// Reads a file of certificates in PEM form.
    pub fn read(file: &Path) -> Result<Self, AuthorityError> {
        let path = file.display().to_string();
        let text = fs::read(file)
            .map_err(|error| AuthorityError::Unreadable { path: path.clone(), why: error.to_string() })?;
        let mut certificates = Vec::new();
        for item in parse_pem(&text) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(AuthorityError::Unreadable { path, why: error.to_string() }),
            }
        }
        if certificates.is_empty() {
            return Err(AuthorityError::Empty { path });
        }
        let none = TempDir::new()
            .map_err(|error| AuthorityError::Unreadable { path: path.clone(), why: error.to_string() })?;
        Ok(Self { file: file.to_owned(), none: Arc::new(none), certificates: Arc::new(certificates) })
    }

    pub(super) fn tls(&self) -> TlsConfig {
        TlsConfig::builder().root_certs(RootCerts::Specific(Arc::clone(&self.certificates))).build()
    }
}
